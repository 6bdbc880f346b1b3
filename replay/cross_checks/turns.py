"""Turns of a conversation, against the answers that were released in it.

`ReadTurns` gives back what the fold remembers of `AnswerReleased`, oldest first. How many of the
newest are missing tells how far the fold was behind, and of the oldest, how many a row keeps; those
between are all there. A fork begins with the turns that its record carries, as if answered there.
"""

from __future__ import annotations

from replay.cross_checks.forms import FormNumbers, FormValues, form_number
from schemas import AnswerReleased, ReadTurns, SessionForked, Turn, Turns
from streams.delivery.answered_turns import makes_turn

EVERYBODY = "\0"  # no user is called so
Conversation = tuple[str, str, str]
"""Tenant, subject and session."""


class Conversations:
    """The answers of a lane, by conversation, in the order in which they were released."""

    def __init__(self) -> None:
        self._counts = FormValues()
        """Conversation, by its number -> its answers."""
        self._places = FormValues()
        """Conversation and request, by their number -> its place among the conversation's."""
        self._forms = FormNumbers()
        """Of conversation, request and what its turn says."""
        self._summed_up: dict[Conversation, int] = {}
        """Turns before those that a fork began with."""

    def begin(self, fork: SessionForked) -> None:
        """Take in what a conversation began with, before its answers; its first fork counts."""
        conversation = fork.meta.tenant, fork.subject, fork.meta.session
        if not self._counts.get(form_number(conversation)):
            self._summed_up[conversation] = 0 if fork.summary is None else fork.summary.turns
            for turn in fork.turns:
                self._take(conversation, turn)

    def learn(self, event: AnswerReleased) -> None:
        """Take in an answer; one that was released twice counts where it was first."""
        meta = event.meta
        if not makes_turn(event):
            return
        turn = Turn(
            request=meta.request,
            question=event.answer.query,
            answer=event.text,
            entries=event.entries,
        )
        for subject in (event.subject, EVERYBODY):
            self._take((meta.tenant, subject, meta.session), turn)

    def _take(self, conversation: Conversation, turn: Turn) -> None:
        """Take in a turn; its first place counts."""
        place, number = form_number(conversation, turn.request), form_number(conversation)
        if self._places.get(place) is None:
            count = self._counts.get(number) or 0
            self._places[place], self._counts[number] = count, count + 1
        self._forms.add(_form(conversation, turn))

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
        if len(read.turns) > max(request.limit, 0):
            return f"it reads {len(read.turns)} turns and asked for {request.limit}"
        places = []
        for turn in read.turns:
            place = self._places.get(form_number(conversation, turn.request))
            if turn.request == own or place is None:
                return f"it reads a turn of request {turn.request}, which was not answered before"
            if _form(conversation, turn) not in self._forms:
                return f"it reads another question or answer of request {turn.request} than its"
            places.append(place)
        if places and places != list(range(places[0], places[0] + len(places))):
            return "it reads turns in another order than they were answered in, or not all of them"
        summed_up = 0 if read.summary is None else read.summary.turns
        before = self._summed_up.get(conversation, 0)
        if summed_up > (before + places[0] if places else 0):
            return f"it sums up {summed_up} turns before those, and as many were not answered"
        return ""


def _form(conversation: Conversation, turn: Turn) -> int:
    return form_number(conversation, turn.request, turn.question, turn.answer, turn.entries)
