"""Recorded requests asked again: as they were (`run`), or with one thing changed (`what-if`)."""
