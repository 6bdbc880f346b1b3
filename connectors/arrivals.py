"""Pieces: what a model says, between its arrival and its being asked for.

Why it is so: a generation's tokens are pumped into a buffer, and each part of the stream is all
that arrived since the consumer last asked. The first token leaves at once. What follows is gathered
for as long as a reader does not notice, since each part is an effect on the log, a turn of its step
and five requests to the broker; who reads what stands there already has more patience, up to a
tenth of a second of it by default. But what shows that a first sentence has ended leaves at once,
since that is the first text that is shown. A slow consumer gets fewer, larger parts instead of
delaying the model. Parts are formed here and nowhere else: they are on the log as they were, and a
replay sees the same ones.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import NamedTuple

from opentelemetry import trace

from agents.errors import Transient
from schemas import Generated, GeneratedFinishReason, GeneratedToken, ToolCall, Usage

MODEL_CHARACTERS_MAX = 200  # of a model's name and version
_MAY_END = re.compile(r"[.!?…][\"'”’)\]]*\s|[\n。！？]")
END_CHARS = 3  # of such an end, before what is new
GROWTH = 1.5  # of a reader's patience with each part, since there is the more to read
PATIENCE_MOST = 2.5  # times the patience that is configured


class Arrival(NamedTuple):
    """What one message of a server adds; the last one says how the generation ended."""

    text: str = ""
    model: str = ""
    finish_reason: GeneratedFinishReason = ""
    usage: Usage | None = None
    last: bool = False
    tool_calls: tuple[ToolCall, ...] = ()


class Arrivals:
    """The tokens of one generation between their arrival and their being asked for."""

    def __init__(self, patience_s: float = 0.0) -> None:
        """Gather for so long what follows the first token, and longer what follows that."""
        self._patience_s = patience_s
        self._patience_most_s = PATIENCE_MOST * patience_s
        self._timer: asyncio.TimerHandle | None = None
        """Runs while what arrives is gathered."""
        self._tail = ""
        self._ended: bool | None = False
        """Whether a sentence may have ended with what came last; None once it has."""
        self._urgent = False
        """Whether what was not taken yet shows that it may."""
        self._began = time.perf_counter_ns()
        self._tokens: list[GeneratedToken] = []
        self._model = ""
        self._finish_reason: GeneratedFinishReason = ""
        self._usage: Usage | None = None
        self._tool_calls: tuple[ToolCall, ...] = ()
        self._over = False
        self._failure: BaseException | None = None
        self._news = asyncio.Event()

    async def pump(self, pieces: AsyncIterator[Arrival]) -> None:
        """Take in what the server says until its end."""
        try:
            async for piece in pieces:
                self._take_in(piece)
                if self._due:
                    self._news.set()
            if not self._over:
                raise Transient("a model ended a generation before its last token; try again")
        except Exception as error:  # noqa: BLE001 - it is raised to the consumer, by `take`
            self._failure = error
        finally:
            self._news.set()

    async def take(self) -> Generated:
        """Wait until something is due, and return all of it. Tokens come before a failure."""
        while not self._due:
            self._news.clear()
            await self._news.wait()
        tokens, self._tokens, self._urgent = tuple(self._tokens), [], False
        self.release()
        if self._patience_s:
            self._timer = asyncio.get_running_loop().call_later(self._patience_s, self.release)
            self._patience_s = min(GROWTH * self._patience_s, self._patience_most_s)
        if self._failure and not tokens:
            raise self._failure
        if not self._over:
            return Generated(tokens=tokens, model=self._model)
        return Generated(
            tokens=tokens,
            last=True,
            finish_reason=self._finish_reason,
            usage=self._usage,
            model=self._model,
            tool_calls=self._tool_calls,
        )

    def release(self) -> None:
        """Gather no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._news.set()

    @property
    def _due(self) -> bool:
        """Whether what has arrived is to be handed out."""
        if self._over or self._failure:
            return True
        return bool(self._tokens) and (self._timer is None or self._urgent)

    def _take_in(self, piece: Arrival) -> None:
        self._model = piece.model or self._model
        if piece.text:
            at_us = (time.perf_counter_ns() - self._began) // 1_000
            self._tokens.append(GeneratedToken(text=piece.text, at_us=at_us))
            self._look_for_end(piece.text)
        self._finish_reason = piece.finish_reason or self._finish_reason
        self._usage = piece.usage or self._usage
        self._tool_calls = piece.tool_calls or self._tool_calls
        self._over = self._over or piece.last

    def _look_for_end(self, text: str) -> None:
        """See whether a first sentence ends: by its mark, and by what comes next."""
        if self._ended is None:
            return
        if self._ended:  # the word that shows it
            self._urgent, self._ended = True, None
            return
        text = self._tail + text
        self._tail = text[-END_CHARS:]
        if _MAY_END.search(text):
            self._urgent = self._ended = True


def model_name(told: str) -> str:
    """Return what a server calls its model, as a record may keep it.

    It is cut, and of a path on the server's disk only the file's name is anybody's business.
    """
    name = told.rpartition("/")[2] if told.startswith("/") else told
    return name[:MODEL_CHARACTERS_MAX]


async def in_parts(
    pieces: AsyncIterator[Arrival], patience_s: float
) -> AsyncGenerator[Generated, None]:
    """Yield what arrives as parts, the last of which says how it ended.

    Leaving early cancels whoever yields the pieces.
    """
    arrivals = Arrivals(patience_s)
    pump = asyncio.create_task(arrivals.pump(pieces))
    try:
        last = False
        while not last:
            part = await arrivals.take()
            last = part.last
            yield part
    finally:
        arrivals.release()
        if not pump.done():  # the consumer left
            pump.cancel()  # and with it the call that it reads
            await asyncio.wait([pump])


def describe(span: trace.Span, last: Generated) -> None:
    """Tell a span how its generation ended."""
    span.set_attribute("gen_ai.response.model", last.model)
    span.set_attribute("gen_ai.response.finish_reasons", [last.finish_reason])
    if last.usage:
        span.set_attribute("gen_ai.usage.input_tokens", last.usage.prompt_tokens)
        span.set_attribute("gen_ai.usage.output_tokens", last.usage.completion_tokens)
