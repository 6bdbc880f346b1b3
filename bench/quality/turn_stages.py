"""Stages: at which step an answer of a conversation went wrong.

What the steps made of a question is known where they run in memory; what they should have made of
it is not, but for the spellings that a right answer holds. So a stage is told by what was still
there before it and was not there behind it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bench.quality.conversations import ABSENT, FOLLOW_UP, SMALL_TALK, TalkTurn
from bench.quality.talks_held import ABSTAINED

REDACTED = "lost in redaction"
CHATTED = "taken for small talk"
SEARCHED = "small talk that was searched for"
REWRITTEN = "rewritten wrongly"
NOT_FOUND = "passage not found"
REFUSED = "refused with the right passage"
OTHER_SENTENCE = "right passage, wrong sentence"
ANSWERED = "answered what no document says"
STAGES = (
    REDACTED, CHATTED, SEARCHED, REWRITTEN, NOT_FOUND, REFUSED, OTHER_SENTENCE, ANSWERED,
)  # fmt: skip
"""In the order of the steps."""


@dataclass(frozen=True)
class TurnTrace:
    """What the steps made of a turn that was answered wrongly."""

    submitted: tuple[str, ...]
    """The documents' texts, as they were handed in."""
    findable: tuple[str, ...]
    """Those of all chunks in the index."""
    redacted: str
    """The question without personal data."""
    outcome: str
    """Of rewriting."""
    query: str
    passages: tuple[str, ...]
    finish_reason: str
    text: str
    named_is_right: bool = False
    """Whether the answer is right once the question names the document that holds it."""


def holds(turn: TalkTurn, texts: Iterable[str]) -> bool:
    """Tell whether texts hold, together, one spelling out of each group of a turn."""
    folded = [" ".join(text.casefold().split()) for text in texts]
    return all(
        any(spelling.casefold() in text for spelling in group for text in folded)
        for group in turn.groups
    )


def stage_of(turn: TalkTurn, trace: TurnTrace) -> str:
    """Name the stage at which a wrong turn went wrong: the first one that is to blame."""
    chatted = trace.outcome == "small_talk"
    if chatted or turn.kind == SMALL_TALK:
        return CHATTED if turn.kind != SMALL_TALK else SEARCHED
    if turn.kind == ABSENT:
        return ANSWERED
    if holds(turn, trace.submitted) and not holds(turn, trace.findable):
        return REDACTED
    if turn.kind == FOLLOW_UP and trace.named_is_right:
        return REWRITTEN
    if not holds(turn, trace.passages):
        return REDACTED if trace.redacted != turn.text.strip() else NOT_FOUND
    return REFUSED if trace.finish_reason in ABSTAINED else OTHER_SENTENCE
