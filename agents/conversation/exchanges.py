"""Exchanges: what was asked and answered before, as far as a later question may refer to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agents.placeholders import placeholders_in
from schemas import MapEntry, Turn

ANSWER_CHARACTERS_MAX = 4_000
"""Of an answer so much is read: a list that people point into stands at its beginning."""


@dataclass(frozen=True)
class Exchange:
    """One turn of a conversation."""

    query: str
    """The question, made to stand alone."""
    answer: str = ""
    """Empty where there was none that a question may refer to."""

    @property
    def read(self) -> str:
        """The part of the answer that is read."""
        return self.answer[:ANSWER_CHARACTERS_MAX]


def entries_in(
    query: str, entries: Sequence[MapEntry], history: Sequence[Turn]
) -> tuple[MapEntry, ...]:
    """Add, to the question's entries, those of placeholders that the query took from turns."""
    used = set(placeholders_in(query))
    known = {entry.placeholder: entry for entry in entries}
    for turn in reversed(history):  # the newest entry of a placeholder counts
        for entry in turn.entries:
            if entry.placeholder in used:
                known.setdefault(entry.placeholder, entry)
    return tuple(known.values())
