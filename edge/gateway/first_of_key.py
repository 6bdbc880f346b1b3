"""The first of a key: of what gateways took in under one key at the same moment, which one counts.

Two gateways know nothing of each other, and the steps take the first record. So each waits until it
has read its own, and holds what it was sent to what the first one says.
"""

from __future__ import annotations

from edge.answering.following import Follower
from edge.gateway.reception import Reception
from edge.gateway.voiced_requests import NewQuestion
from edge.listening.entries import Gap, Subscription
from edge.listening.known_requests import KnownRequest, KnownRequests
from edge.requests.identity import Identity
from schemas import QuestionAsked

ECHO_S = 2.0
"""For what was put on the log to be read from it: milliseconds, unless reading stands still."""


class FirstOfKey:
    """Asks the log; lives on one event loop."""

    def __init__(self, reception: Reception, requests: KnownRequests, follower: Follower) -> None:
        self._reception = reception
        self._requests = requests
        self._follower = follower

    async def hold_to(self, first: KnownRequest, identity: Identity, question: NewQuestion) -> None:
        """Raise Problem where a question is another one than that which the log has of its key."""
        asked = await self._follower.read_back(first, (QuestionAsked,))
        for one in asked[:1]:
            assert isinstance(one.event, QuestionAsked)
            await self._reception.check_repeats(identity, question, one.event)

    async def first_of(self, own: KnownRequest, outcomes: Subscription) -> KnownRequest | None:
        """Return the question that lies before ours under its key; None where ours is the first.

        Where reading takes long, the lane is read back: ours is returned, and what lies before it
        is found there.
        """
        try:
            await outcomes.until_question(own.offset, ECHO_S)
        except (TimeoutError, Gap):
            return own
        first = self._requests.find(own.whose)
        return first if first is not None and first.offset < own.offset else None
