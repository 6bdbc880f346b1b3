"""The tokens of one generation between their arrival and their being asked for.

Why it is so: a generation's tokens are pumped into a buffer, and each part of the stream is all
that arrived since the consumer last asked: the first token leaves at once, and a slow consumer gets
fewer, larger parts instead of delaying the model.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, cast

from agents.errors import Permanent, Transient
from schemas import Generated, GeneratedFinishReason, GeneratedToken, Usage

REFUSED = "refused"  # the chat model's finish_reason where the request is at fault


class Arrivals:
    """The tokens of one generation between their arrival and their being asked for."""

    def __init__(self) -> None:
        self._began = time.perf_counter_ns()
        self._tokens: list[GeneratedToken] = []
        self._model = ""
        self._finish_reason = ""
        self._usage: Usage | None = None
        self._over = False
        self._failure: BaseException | None = None
        self._news = asyncio.Event()

    async def pump(self, answers: AsyncIterator[tuple[Any, Any]]) -> None:
        """Take in the server's answers until the final one."""
        try:
            async for answer, error in answers:
                if error is not None:
                    raise error
                self._take_in(answer)
                self._news.set()
            # read to the end even after the last answer: Triton 2.51 crashed (signal 11) where
            # streams were cancelled after their last answer, and where errors were asked for as
            # gRPC statuses (header triton_grpc_error)
            if not self._over:
                raise Transient("Triton ended a generation before its last token; try again")
        except Exception as error:  # noqa: BLE001 - it is raised to the consumer, by `take`
            self._failure = error
        finally:
            self._news.set()

    async def take(self) -> Generated:
        """Wait until something arrived, and return all of it. Tokens come before a failure."""
        while not (self._tokens or self._over or self._failure):
            self._news.clear()
            await self._news.wait()
        tokens, self._tokens = tuple(self._tokens), []
        if self._failure and not tokens:
            raise self._failure
        if not self._over:
            return Generated(tokens=tokens, model=self._model)
        return Generated(
            tokens=tokens,
            last=True,
            finish_reason=cast(GeneratedFinishReason, self._finish_reason),
            usage=self._usage,
            model=self._model,
        )

    def _take_in(self, answer: Any) -> None:
        response = answer.get_response()
        names = {output.name for output in response.outputs}
        if "text" in names:
            self._model = answer.as_numpy("model")[0].decode()
            if text := answer.as_numpy("text")[0].decode():
                at_us = (time.perf_counter_ns() - self._began) // 1_000
                self._tokens.append(GeneratedToken(text=text, at_us=at_us))
        if "finish_reason" in names:
            self._finish_reason = answer.as_numpy("finish_reason")[0].decode()
            if self._finish_reason == REFUSED:
                raise Permanent(f"the chat model refused a request: {self._tokens.pop().text}")
            self._usage = Usage(
                prompt_tokens=int(answer.as_numpy("prompt_tokens")[0]),
                completion_tokens=int(answer.as_numpy("completion_tokens")[0]),
            )
        self._over = response.parameters["triton_final_response"].bool_param
