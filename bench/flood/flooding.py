"""The tenant that floods: large documents, and questions that all wait at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, TypeVar

from bench.answers.ingesting import guides
from bench.facts import facts
from bench.flood.visitor import ComeBack, Visitor

AnswerT = TypeVar("AnswerT")

POSTERS = 4  # documents that are being sent at once


@dataclass
class Flood:
    """What is poured out, and how far it has come."""

    documents: int
    questions: int
    sections: int = 500
    """Of a document: 200 kB."""
    submitted: int = 0
    indexed: int = 0
    answered: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    """By status: the flood's own requests that were not taken yet; 0: the connection broke."""
    ids: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the figures."""
        names = (field.name for field in fields(self) if field.name != "ids")
        return {name: getattr(self, name) for name in names}

    async def pour(self, posting: Visitor, asking: Visitor) -> None:
        """Submit all documents and ask all questions, as fast as the gateway takes them.

        By connections of their own: questions that wait for answers hold all that one client has.
        """
        numbers = iter(range(self.documents))
        posts = (self._post(posting, numbers) for _ in range(min(POSTERS, self.documents)))
        asks = (self._ask(asking, question) for _, question in facts(self.questions))
        await asyncio.gather(*posts, *asks)

    async def _post(self, visitor: Visitor, numbers: Any) -> None:
        for number in numbers:
            [text] = guides(self.sections, 1)
            content = text.replace(" number ", f" {number}-")  # no two have a chunk in common
            send = partial(visitor.submit, f"flood/{number}", content)
            self.ids.append(await self._taken(send))
            self.submitted += 1

    async def _ask(self, visitor: Visitor, question: str) -> None:
        await self._taken(partial(visitor.ask, question))
        self.answered += 1

    async def _taken(self, send: Callable[[], Awaitable[AnswerT]]) -> AnswerT:
        """Send when the gateway says so, until it takes it."""
        while True:
            try:
                return await send()
            except ComeBack as refused:
                self.refused[refused.status] += 1
                await asyncio.sleep(refused.wait_s)

    async def count_indexed(self, visitor: Visitor) -> None:
        """Look up how many documents can be found by now."""
        states = [await visitor.document(document) for document in tuple(self.ids)]
        self.indexed = sum(state["status"] == "indexed" for state in states)
