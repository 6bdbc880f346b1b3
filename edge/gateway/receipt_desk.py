"""Receipts of answers: that what a reader was told stands on the log, and who has signed it.

Whoever wires the gateway hands in what makes them: proofs are no trade of the edge.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from agents.errors import Permanent, Transient
from edge.answering.following import Follower
from edge.answering.receipt_claims import AnswerPlace, claim_of, place_of
from edge.callers.access import Access
from edge.callers.caller import Caller
from edge.problems import Problem, not_found, overloaded, too_many
from schemas import AnswerReleased, AnswerRetracted
from streams.watching.logs import logger

log = logger("gateway")

AT_ONCE = 2
"""Each reads a record from the broker, by a client of its own."""
WAITING_MAX = 32
"""Readers that wait for a turn; whoever comes then is told to come again."""
SEALED, PENDING = "sealed", "pending"


class MakesReceipts(Protocol):
    """What the gateway needs of a seal."""

    def __call__(self, place: AnswerPlace, *, request: str, text: str) -> dict[str, Any] | None:
        """Return the receipt of the record at topic, partition and offset; blocks.

        None while no checkpoint covers it. Raises Transient or Permanent.
        """


class ReceiptDesk:
    """Hands out receipts; lives on one event loop."""

    def __init__(self, access: Access, follower: Follower, make: MakesReceipts | None) -> None:
        self._access = access
        self._follower = follower
        self._make = make
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def receipt(self, caller: Caller, request_id: str) -> dict[str, Any]:
        """Return the receipt of an answer, or what there is of it until it is sealed.

        Raises Problem where there is no such answer of this caller, or none was released yet.
        """
        question = self._access.question(caller, request_id)
        entries = await self._follower.read_back(question, (AnswerReleased, AnswerRetracted))
        released = [entry for entry in entries if isinstance(entry.event, AnswerReleased)]
        if not released:
            raise Problem(
                409,
                "not-released",
                "no answer of this request was released, so there is none to prove: ask for the "
                f"receipt when it has completed (GET /v1/messages/{question.request})",
                retryable=True,
            )
        answer = released[-1]
        assert isinstance(answer.event, AnswerReleased)
        told = {
            "request_id": question.request,
            **claim_of(answer.event, answer.partition, answer.offset),
            "retracted": any(isinstance(entry.event, AnswerRetracted) for entry in entries),
        }
        place = place_of(answer.partition, answer.offset)
        proof = await self.proof(place, request=question.request, text=answer.event.text)
        return {**told, "state": SEALED, **proof} if proof else {**told, "state": PENDING}

    async def proof(
        self, place: AnswerPlace, *, request: str, text: str = ""
    ) -> dict[str, Any] | None:
        """Return the proof of a record that lies at a place; None while no checkpoint covers it.

        `text` is what the record is told to hold. Raises Problem.
        """
        if self._make is None:
            raise not_found("this gateway gives no receipts")
        if self._waiting >= WAITING_MAX:
            raise too_many(f"{self._waiting} others wait for receipts: try again")
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(self._make, place, request=request, text=text)
        except Transient as error:
            raise overloaded(str(error)) from None
        except Permanent as error:
            # whoever reads the log can do nothing about it, whoever keeps it must know
            log.warning("a record can't be proved", reason=str(error), request=request)
            raise Problem(500, "not-provable", f"this record can't be proved: {error}") from None
        finally:
            self._waiting -= 1
