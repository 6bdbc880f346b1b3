"""Import: an archive back into an empty broker and registry, as it lay where it was exported."""
