"""Exchanges: what was asked and answered before, as far as a later question may refer to it."""

from __future__ import annotations

from dataclasses import dataclass

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
