"""Turns of a conversation, against the answers that were released in it.

`ReadTurns` gives back what the fold remembers of `AnswerReleased`, oldest first. How many of the
newest are missing tells how far the fold was behind, and of the oldest, how many a row keeps; those
between are all there. A fork begins with the turns that its record carries, as if answered there.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from replay.cross_checks.forms import form_of
from schemas import AnswerReleased, ReadTurns, SessionForked, Turn, Turns
from streams.delivery.step_tables import makes_turn

EVERYBODY = "\0"  # no user is called so
Conversation = tuple[str, str, str]
"""Tenant, subject and session."""


class Conversations:
    """The answers of a lane, by conversation, in the order in which they were released."""

    def __init__(self) -> None:
        self._answers: defaultdict[Conversation, _Answers] = defaultdict(_Answers)

    def begin(self, fork: SessionForked) -> None:
        """Take in what a conversation began with, before its answers; its first fork counts."""
        answers = self._answers[fork.meta.tenant, fork.subject, fork.meta.session]
        if not answers.places:
            answers.summed_up = 0 if fork.summary is None else fork.summary.turns
            for turn in fork.turns:
                answers.take(turn)

    def learn(self, event: AnswerReleased) -> None:
        """Take in an answer; one that was released twice counts where it was first."""
        meta = event.meta
        if makes_turn(event):
            for subject in (event.subject, EVERYBODY):
                self._learn(self._answers[meta.tenant, subject, meta.session], event)

    def _learn(self, answers: _Answers, event: AnswerReleased) -> None:
        meta = event.meta
        turn = Turn(
            request=meta.request,
            question=event.answer.query,
            answer=event.text,
            entries=event.entries,
        )
        answers.take(turn)

    def against(self, conversation: Conversation, own: str, request: ReadTurns, read: Turns) -> str:
        """Say what speaks against turns that were read on behalf of the request `own`.

        0.1.0 had one row for all users of a tenant who named a conversation alike.
        """
        tenant, _, session = conversation
        reason = self._against(conversation, own, request, read)
        return reason and self._against((tenant, EVERYBODY, session), own, request, read) and reason

    def _against(
        self, conversation: Conversation, own: str, request: ReadTurns, read: Turns
    ) -> str:
        answers = self._answers.get(conversation, _Answers())
        if len(read.turns) > max(request.limit, 0):
            return f"it reads {len(read.turns)} turns and asked for {request.limit}"
        places = []
        for turn in read.turns:
            if turn.request == own or turn.request not in answers.places:
                return f"it reads a turn of request {turn.request}, which was not answered before"
            if _form(turn) not in answers.forms[turn.request]:
                return f"it reads another question or answer of request {turn.request} than its"
            places.append(answers.places[turn.request])
        if places and places != list(range(places[0], places[0] + len(places))):
            return "it reads turns in another order than they were answered in, or not all of them"
        summed_up = 0 if read.summary is None else read.summary.turns
        if summed_up > (answers.summed_up + places[0] if places else 0):
            return f"it sums up {summed_up} turns before those, and as many were not answered"
        return ""


@dataclass
class _Answers:
    places: dict[str, int] = field(default_factory=dict)
    """Request -> its place among the conversation's."""
    forms: defaultdict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    summed_up: int = 0
    """Turns before these, of a fork."""

    def take(self, turn: Turn) -> None:
        """Take in a turn; its first place counts."""
        self.places.setdefault(turn.request, len(self.places))
        self.forms[turn.request].add(_form(turn))


def _form(turn: Turn) -> bytes:
    return form_of((turn.question, turn.answer, turn.entries))
