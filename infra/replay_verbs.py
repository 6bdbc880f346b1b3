"""`playhead replay`: what reads the log, and what goes on from it, in one group."""

from __future__ import annotations

from infra.fork_verb import fork
from replay.cli import replay

replay.add_command(fork)

__all__ = ["replay"]
