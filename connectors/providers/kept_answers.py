"""Whole answers of models, kept for whoever of the same tenant gives the same prompt again.

The prompt holds all that decides an answer: instructions, question, conversation and passages, as
redacted texts. So an answer at temperature 0 shows nobody what its prompt does not, whoever asked
first; model, provider, route and bounds are in the request too. The request's own mark in the
instructions (`agents.prompt_canary`) is no part of the key, and an answer that repeats it is not
kept. Nor is one that is empty or was cut, that the other model of a hedge gave (its route would be
told of no more), or that asks for tools or came after some: their world goes on.

Why it is so: no model is asked, so the parts cost nothing and are there at once, and the effect
says that nobody was asked.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from sys import getsizeof

from msgspec.structs import replace

from agents.prompt_canary import canary
from connectors.bounded_cache import BoundedCache
from schemas import Generate, Generated
from streams.running.digests import request_digest
from streams.running.world import Call

PART_BYTES, TOKEN_BYTES = 200, 50
"""What the records of a part and of a token take, without text: by tracemalloc, over answers of 20
and 100 parts. A provider may send its whole answer as one token."""
NO_MARK = "\0"
"""Stands for the mark in a key: a text that holds it is not kept, so nobody can write another's."""


class KeptAnswers:
    """Remembers answers, by all of their request."""

    def __init__(self, cache: BoundedCache[tuple[Generated, ...]]) -> None:
        self._cache = cache

    def forget_tenant(self, tenant: str) -> None:
        """Drop a tenant's answers."""
        self._cache.forget_tenant(tenant)

    def of(self, request: Generate, call: Call) -> tuple[Generated, ...] | None:
        """Return the parts of an answer; None where it is to be asked for."""
        if not self._cache.on or not _can_be_kept(request):
            return None
        return self._cache.get(call.tenant, _key(request, call))

    async def keeping(
        self, parts: AsyncIterator[Generated], request: Generate, call: Call
    ) -> AsyncGenerator[Generated, None]:
        """Pass an answer on, and remember it once it is whole."""
        if not self._cache.on or not _can_be_kept(request):
            async for part in parts:
                yield part
            return
        said: list[Generated] = []
        of_hedge = False
        async for part in parts:
            of_hedge = of_hedge or (part.hedged is not None and part.hedged.outcome == "won")
            tokens = tuple(replace(token, at_us=0) for token in part.tokens)
            said.append(replace(part, tokens=tokens, cost_micros=0, hedged=None))
            if part.last and not of_hedge:
                self._keep(tuple(said), request, call)
            yield part

    def _keep(self, said: tuple[Generated, ...], request: Generate, call: Call) -> None:
        texts = [token.text for part in said for token in part.tokens]
        text = "".join(texts)
        whole = said[-1].finish_reason == "stop" and not said[-1].tool_calls
        if not whole or not text or canary(call.request) in text:
            return
        size = PART_BYTES * len(said) + sum(TOKEN_BYTES + getsizeof(text) for text in texts)
        self._cache.keep(call.tenant, _key(request, call), said, size)


def _can_be_kept(request: Generate) -> bool:
    plain = NO_MARK not in request.prompt and NO_MARK not in request.system
    return plain and request.temperature == 0 and not request.tools and not request.exchanges


def _key(request: Generate, call: Call) -> bytes:
    """Digest a request without the mark that is its asker's alone.

    Where the mark stands is part of the key. An asker may know the own mark: without its places, a
    question with it between two words would be another's without.
    """
    mark = canary(call.request)
    prompt, system = (one.replace(mark, NO_MARK) for one in (request.prompt, request.system))
    return request_digest(replace(request, prompt=prompt, system=system), b"")
