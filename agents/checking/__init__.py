"""Checking: whether a statement is supported by sources, by rules that need no model."""
