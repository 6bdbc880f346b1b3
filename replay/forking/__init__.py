"""Forking: what a conversation had come to at a request, read from the log, to go on from there."""
