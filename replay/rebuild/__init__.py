"""Rebuild: another generation of the index from the log, compared, swapped in and back."""
