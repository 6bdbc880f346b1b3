"""`playhead config …`: which configuration each step runs with: look at it, change it, go back.

A configuration is a fact on the log, by digest; which one counts is a fact of its own
(streams/log/activations.py). Workers follow the log, so nothing is copied to them.
"""

from streams.operations.configuring.config_verbs import config

__all__ = ["config"]
