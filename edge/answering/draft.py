"""What was released of an answer so far: which stretches count, and what of them is shown.

Of two records with one id the first wins, unless the second is of a later attempt: then what the
earlier attempt said from there on is void. A record that says `restart` voids all before it. What
comes late of something void is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from agents.placeholders import held_back, restore
from schemas import (
    AnswerReleased,
    AnswerRetracted,
    ChunksRetrieved,
    EventRejected,
    QueryRewritten,
    QuestionAsked,
    QuestionRedacted,
    TokensReleased,
)
from streams.topics import topic_of

BEFORE_RETRIEVAL = frozenset(
    topic_of(record) for record in (QuestionAsked, QuestionRedacted, QueryRewritten)
)
"""What is read by the steps that a question has passed once its passages are there."""


class Stretch(NamedTuple):
    """The text of one record."""

    attempt: int
    cause: int
    """Offset of the input that it was made of."""
    text: str


class Closing(NamedTuple):
    """The record that closes an answer, and its offset."""

    offset: int
    event: AnswerReleased


class Failure(NamedTuple):
    """A dead letter, and its offset."""

    offset: int
    event: EventRejected


@dataclass(frozen=True)
class Draft:
    """An answer in the making; each change gives another."""

    stretches: Mapping[str, Stretch] = field(default_factory=dict)
    """By record id, in the order of the text."""
    retrievals: Mapping[str, int] = field(default_factory=dict)
    """Record id -> its newest attempt."""
    retrieved_at: Mapping[str, int] = field(default_factory=dict)
    """Record id -> where it lies first."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Placeholder -> what stands for it, as far as the reader may see it."""
    floor: int = -1
    """What was made of inputs below this offset is void."""
    retracted_to: int = -1
    """What was made of inputs up to this offset was retracted."""
    shown: str = ""
    tail: str = ""
    """Released but not shown: it may be half a placeholder."""
    lacks: bool = False
    """Whether the reader was shown text on another connection that is not among these stretches."""
    closing: Closing | None = None
    """The closing record, while it waits for text that it closes."""
    failure: Failure | None = None
    """A dead letter of a run beside the one that may answer still, while that is waited for."""
    closed: Closing | None = None
    """The closing record that was told; None while there is none."""

    @property
    def released(self) -> str:
        """The text of all stretches, with placeholders."""
        return "".join(stretch.text for stretch in self.stretches.values())

    @property
    def whole(self) -> bool:
        """Whether the closing record and all text that it closes are there."""
        return self.closing is not None and self.released == self.closing.event.text

    @property
    def has_shown(self) -> bool:
        """Whether the reader was shown any text, here or before, that may not stand."""
        return bool(self.shown) or self.lacks

    # ------------------------------------------------------------------ what a record does to it

    def knows(self, event: ChunksRetrieved) -> bool:
        """Tell whether a retrieval was told already, by this attempt or a later one."""
        return self.retrievals.get(event.meta.id, -1) >= event.meta.attempt

    def is_of_another_run(self, event: EventRejected) -> bool:
        """Tell whether a step gave up on something that it had dealt with before.

        Who takes a lane over may run an input again whose outcome is on its way, and what follows
        from that once more, while what followed from the first run goes on: that may answer yet.
        Inputs of a session have their turns, so generate had ended its run over the first one.
        """
        cause = event.meta.cause
        if event.topic in BEFORE_RETRIEVAL:
            return bool(self.retrieved_at or self.stretches or self.closing)
        first = self.retrieved_at.get(cause.id) if cause else None
        return cause is not None and first is not None and cause.offset > first

    def rules_out(self, event: TokensReleased | AnswerReleased | AnswerRetracted) -> bool:
        """Tell whether a record was made of something void."""
        if isinstance(event, TokensReleased) and cause_of(event) <= self.retracted_to:
            return True
        return cause_of(event) < self.floor

    def repeats(self, event: TokensReleased) -> bool:
        """Tell whether the text of a record stands here already."""
        stretch = self.stretches.get(event.meta.id)
        if stretch is None:
            return False
        if event.restart and stretch.cause != cause_of(event):
            return False
        if stretch.attempt >= event.meta.attempt:
            return True
        return not event.restart and stretch.text == event.text

    def is_closed(self, event: TokensReleased) -> bool:
        """Tell whether the text of a record is part of what was told with the closing record.

        What a later run over the same input says, or the same one over later input, is not.
        """
        if self.closed is None:
            return False
        closing = self.closed.event
        of_its_run = event.meta.attempt <= closing.meta.attempt
        return of_its_run and cause_of(event) <= cause_of(closing)

    def contradicts(self, event: TokensReleased) -> bool:
        """Tell whether a record that is no repeat voids earlier text."""
        return event.restart or event.meta.id in self.stretches

    def with_retrieval(self, event: ChunksRetrieved) -> Draft:
        """Note that a retrieval was told."""
        return replace(self, retrievals={**self.retrievals, event.meta.id: event.meta.attempt})

    def with_passages(self, event: ChunksRetrieved, offset: int) -> Draft:
        """Note where passages lie."""
        first = min(offset, self.retrieved_at.get(event.meta.id, offset))
        return replace(self, retrieved_at={**self.retrieved_at, event.meta.id: first})

    def with_failure(self, failure: Failure) -> Draft:
        """Let a dead letter wait for an answer beside it; the first is told in the end."""
        return replace(self, failure=self.failure or failure)

    def with_attempt(self, event: TokensReleased) -> Draft:
        """Note a later attempt that says the same."""
        stretch = self.stretches[event.meta.id]
        newest = stretch._replace(attempt=max(stretch.attempt, event.meta.attempt))
        return replace(self, stretches={**self.stretches, event.meta.id: newest})

    def without_void(self, event: TokensReleased) -> Draft:
        """Take away what a record voids; nothing is shown any more."""
        standing, floor = {}, cause_of(event)
        if not event.restart:
            above = self.stretches[event.meta.id].cause
            standing = {id_: one for id_, one in self.stretches.items() if one.cause < above}
            floor = self.floor
        closing = self.closing
        if closing is not None and cause_of(closing.event) < floor:
            closing = None
        return replace(
            self,
            stretches=standing,
            floor=floor,
            shown="",
            tail="",
            closing=closing,
            closed=None,
        )

    def with_text(self, event: TokensReleased, values: Mapping[str, str]) -> Draft:
        """Add a stretch, and the values that came with it; a restart numbers them anew."""
        before = {} if event.restart and event.entries else self.values
        return replace(self.with_stretch(event), values={**before, **values})

    def with_stretch(self, event: TokensReleased) -> Draft:
        """Note where the text of a record stands."""
        stretch = Stretch(event.meta.attempt, cause_of(event), event.text)
        return replace(self, stretches={**self.stretches, event.meta.id: stretch})

    def with_end(self, closing: Closing) -> Draft:
        """Note the closing record that is told."""
        return replace(self, closing=None, closed=closing)

    def with_values(self, values: Mapping[str, str]) -> Draft:
        """Add values."""
        return replace(self, values={**self.values, **values})

    def with_closing(self, closing: Closing) -> Draft:
        """Let a closing record wait for its text."""
        return replace(self, closing=closing)

    def with_gap(self, *, lacks: bool) -> Draft:
        """Note whether the reader was shown what is not here; asked anew before each move."""
        return self if lacks == self.lacks else replace(self, lacks=lacks)

    def with_nothing_shown(self) -> Draft:
        """Show nothing any more."""
        return replace(self, shown="", tail="")

    def without_answer(self, event: AnswerRetracted) -> Draft:
        """Show nothing any more, nor what still comes of what was retracted."""
        retracted_to = max(self.retracted_to, cause_of(event))
        return replace(
            self, retracted_to=retracted_to, shown="", tail="", closing=None, closed=None
        )

    # ------------------------------------------------------------------ what is shown of it

    def show(self, text: str, *, to_the_end: bool = False) -> tuple[Draft, str]:
        """Show text behind what is shown, all but half a placeholder; returns what came to it."""
        end = len(text) if to_the_end else len(text) - held_back(text)
        restored = restore(text[:end], self.values)
        return replace(self, shown=self.shown + restored, tail=text[end:]), restored


def cause_of(event: TokensReleased | AnswerReleased | AnswerRetracted) -> int:
    """Return the offset of the input that a record was made of."""
    return event.meta.cause.offset if event.meta.cause else 0
