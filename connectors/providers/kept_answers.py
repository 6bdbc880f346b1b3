"""Whole answers of models, kept for whoever of the same tenant gives the same prompt again.

The prompt holds all that decides an answer: instructions, question, conversation and passages, as
redacted texts. So an answer at temperature 0 shows nobody what its prompt does not, whoever asked
first; model, provider, route and bounds are in the request too. The request's own mark in the
instructions (`agents.prompt_canary`) is no part of the key, and an answer that repeats it is not
kept. Nor is one that was cut, or that asks for tools or came after some: their world goes on.

Why it is so: no model is asked, so the parts cost nothing and are there at once, and the effect
says that nobody was asked.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from msgspec.structs import replace

from agents.prompt_canary import canary
from connectors.bounded_cache import BoundedCache
from schemas import Generate, Generated
from streams.running.digests import request_digest
from streams.running.world import Call

TOKEN_BYTES = 200
"""What a token takes in memory, with its record: measured with tracemalloc."""


class KeptAnswers:
    """Remembers answers, by all of their request."""

    def __init__(self, cache: BoundedCache[tuple[Generated, ...]]) -> None:
        self._cache = cache

    def of(self, request: Generate, call: Call) -> tuple[Generated, ...] | None:
        """Return the parts of an answer; None where it is to be asked for."""
        if not self._cache.on or not _can_be_kept(request):
            return None
        return self._cache.get(call.tenant, _key(request, call))

    async def keeping(
        self, parts: AsyncIterator[Generated], request: Generate, call: Call
    ) -> AsyncGenerator[Generated, None]:
        """Pass an answer on, and remember it once it is whole."""
        said: list[Generated] = []
        async for part in parts:
            tokens = tuple(replace(token, at_us=0) for token in part.tokens)
            said.append(replace(part, tokens=tokens, cost_micros=0, hedged=None))
            if part.last and self._cache.on and _can_be_kept(request):
                self._keep(tuple(said), request, call)
            yield part

    def _keep(self, said: tuple[Generated, ...], request: Generate, call: Call) -> None:
        text = "".join(token.text for part in said for token in part.tokens)
        if said[-1].finish_reason != "stop" or said[-1].tool_calls or canary(call.request) in text:
            return
        size = TOKEN_BYTES * sum(1 + len(part.tokens) for part in said)
        self._cache.keep(call.tenant, _key(request, call), said, size)


def _can_be_kept(request: Generate) -> bool:
    return request.temperature == 0 and not request.tools and not request.exchanges


def _key(request: Generate, call: Call) -> bytes:
    """Digest a request without the mark that is its asker's alone."""
    mark = canary(call.request)
    plain = replace(
        request, prompt=request.prompt.replace(mark, ""), system=request.system.replace(mark, "")
    )
    return request_digest(plain, b"")
