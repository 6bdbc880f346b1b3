"""Recorded requests asked again: as they were (`replay run`), or with one thing changed (`what-if`)."""
