"""Watching: logs, metrics and traces of a process."""
