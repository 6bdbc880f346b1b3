"""Requests: what may be in one, how it is built and sealed, and its ways onto the log."""
