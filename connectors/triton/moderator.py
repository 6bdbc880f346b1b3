"""The moderator: answers Classify with the model of that name on a Triton server.

Why it is so: it is a connector of its own, with a connection, a queue and a circuit of its own. A
server may hold no `moderator` yet, or no more, and that must not keep anybody from its other
models. It passes, as an outage does, and a step knows what to do without.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any

import grpc  # type: ignore[import-untyped]  # it ships no types
from opentelemetry import trace

from agents.errors import Permanent, Transient
from connectors.triton.answered_tensors import AnsweredTensors
from connectors.triton.failures import UNKNOWN_MODEL, failure_of
from connectors.triton.tensors import infer_request, moderator_inputs
from connectors.triton.triton_server import TritonServer
from schemas import Classified, Classify, HeadScore, HeadScores, Request, StreamRequest
from streams.running.fair_queue import FairQueue
from streams.running.world import Call
from streams.settings import Settings

MODEL = "moderator"
AT_ONCE, RESERVED = 4, 3
"""Requests on their way, which take turns at the model, a step of some 100 ms at most each time. A
tenant's crowd has one place; the others are left to tenants that ask for one at a time. So one of
those waits for three steps of others at most."""
TEXTS_MAX = 64  # max_batch_size of the model
HEADS_MAX = 8
CHARACTERS_MAX = 200_000
"""Of all texts of a request. The model looks at 8,000 of each."""


class Moderator:
    """Moderation's model on one server. Make it anywhere; it connects at the first call."""

    service = "Triton's moderator"

    def __init__(self, settings: Settings, tracer: trace.Tracer | None = None) -> None:
        self._server = TritonServer(
            settings,
            settings.triton_grpc,
            tracer or trace.get_tracer("connectors.triton.moderator"),
            _failure,
        )
        self.timeout_s = settings.call_timeout_s
        self._turns = FairQueue(AT_ONCE, RESERVED)

    def handlers(self) -> Mapping[type[Request[Any]], Callable[[Any, Call], Awaitable[Classified]]]:
        """Answer Classify."""
        return {Classify: self.classify}

    def stream_handlers(
        self,
    ) -> Mapping[type[StreamRequest[Any]], Callable[[Any, Call], AsyncIterator[Any]]]:
        """Answer no streamed request."""
        return {}

    async def close(self) -> None:
        """Close the connection; running calls are cancelled."""
        await self._server.close()

    async def classify(self, request: Classify, call: Call) -> Classified:
        """Score the texts by the heads named.

        Raises Transient where the server is away or slow, or holds no such model; Permanent for a
        request out of bounds, or a head that the model lacks.
        """
        _check(request)
        with self._server.call("classify", MODEL, call) as (span, headers):
            async with self._turns.turn(call):
                answer = AnsweredTensors(
                    await self._server.infer(
                        infer_request(
                            MODEL, moderator_inputs(request.texts, request.heads), call.event
                        ),
                        self.timeout_s,
                        headers,
                    )
                )
            scores = _read(request, answer)
            span.set_attribute("gen_ai.response.model", scores.model)
        return scores


def _failure(error: Any, model: str, address: str) -> Transient | Permanent:
    """Say whether trying again may help. The message holds no text that was sent."""
    if error.code() is grpc.StatusCode.NOT_FOUND or UNKNOWN_MODEL in (error.details() or ""):
        return Transient(
            f"Triton at {address} holds no model {model}: put infra/triton/models/{model} into its "
            "repository; until then moderation judges by its rules alone"
        )
    return failure_of(error, model, address)


def _check(request: Classify) -> None:
    """Raise Permanent for a request out of bounds."""
    if not 0 < len(request.texts) <= TEXTS_MAX:
        raise Permanent(f"Classify of {len(request.texts)} texts: ask for 1 to {TEXTS_MAX}")
    if not 0 < len(request.heads) <= HEADS_MAX:
        raise Permanent(f"Classify by {len(request.heads)} heads: name 1 to {HEADS_MAX}")
    if (size := sum(map(len, request.texts))) > CHARACTERS_MAX:
        raise Permanent(f"Classify of {size} characters: at most {CHARACTERS_MAX} are looked at")


def _read(request: Classify, answer: AnsweredTensors) -> Classified:
    """Read the model's answer; raises Transient for one that is not whole."""
    rows = answer.numbers("scores")
    if rows.shape != (len(request.texts), len(request.heads)):
        raise Transient(
            f"{MODEL} answered scores of shape {rows.shape}: one a text and head was asked"
        )
    return Classified(
        texts=tuple(HeadScores(scores=tuple(_scores(request.heads, row))) for row in rows.tolist()),
        model=answer.text("model"),
    )


def _scores(heads: tuple[str, ...], row: list[float]) -> Iterator[HeadScore]:
    for head, score in zip(heads, row, strict=True):
        yield HeadScore(head=head, score=round(score, 4))
