"""`playhead replay`: what reads the log, and what goes on from it, in one group."""

from __future__ import annotations

from replay.cli import VERBS, replay
from streams.operations.options import LateGroup, Verb

FORK = Verb(
    "infra.fork_verb:fork",
    "Begin SESSION with what the conversation of REQUEST had come to: then ask on, live.",
)
assert isinstance(replay, LateGroup)
replay.verbs = dict(sorted({**VERBS, "fork": FORK}.items()))

__all__ = ["replay"]
