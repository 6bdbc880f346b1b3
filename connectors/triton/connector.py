"""The connector: which model is asked how, and how a call is traced."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
)
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, Literal

from opentelemetry import trace

from agents.errors import Permanent
from connectors.arrivals import Arrival, describe, in_parts
from connectors.bounded_cache import BoundedCache
from connectors.kept_embeddings import KeptEmbeddings
from connectors.triton import stream_answers as read
from connectors.triton.answered_tensors import AnsweredTensors
from connectors.triton.tensors import (
    InputTensor,
    chat_inputs,
    embedder_inputs,
    infer_request,
    tensorrt_llm_inputs,
    vllm_inputs,
)
from connectors.triton.triton_server import TritonServer
from schemas import Embed, Embedded, Generate, Generated, Request, StreamRequest
from streams.running.cache_mark import mark_cached
from streams.running.fair_queue import FairQueue
from streams.running.world import Call
from streams.settings import Settings

BULK_AT_ONCE = 2
"""Requests of texts that nobody waits for, on their way to the embedder: it is never idle, and what
somebody waits for stands behind so few in the server's own queue."""
QUERIES_AT_ONCE, QUERIES_RESERVED = 4, 2
"""Requests of texts that somebody waits for, and how many of them a tenant's crowd keeps out of."""
RESERVED = 4
"""One in so many generations, and one at least, is left to tenants that ask for one at a time: the
server's own queue knows no tenants."""
TEXTS_MAX = 256  # max_batch_size of the embedder; more texts take several requests
Backend = Literal["python", "vllm", "tensorrt_llm"]
INPUTS: dict[Backend, Callable[[Generate], list[InputTensor]]] = {
    "python": chat_inputs,
    "vllm": vllm_inputs,
    "tensorrt_llm": tensorrt_llm_inputs,
}
"""How a request is spelt for the models of a backend."""


class Triton:
    """The models of one server. Make it anywhere; it connects at the first call."""

    service = "Triton"

    def __init__(
        self, settings: Settings, tracer: trace.Tracer | None = None, address: str = ""
    ) -> None:
        """Take the settings; `address` is that of another server than theirs."""
        self.address = address or settings.triton_grpc
        self._server = TritonServer(
            settings, self.address, tracer or trace.get_tracer("connectors.triton")
        )
        self.embedder = settings.embedder
        self.timeout_s = settings.call_timeout_s
        self._patience_s = settings.reader_patience_ms / 1_000
        cache_bytes = settings.cache_mb * 1_000_000 // 2
        self._kept = KeptEmbeddings(BoundedCache("embeddings", cache_bytes, settings.cache_s))
        self._bulk = FairQueue(BULK_AT_ONCE)
        self._queries = FairQueue(QUERIES_AT_ONCE, QUERIES_RESERVED)
        most = settings.generations
        self._generations = FairQueue(most, reserved=max(1, most // RESERVED))

    def handlers(self) -> Mapping[type[Request[Any]], Callable[[Any, Call], Awaitable[Embedded]]]:
        """Answer Embed."""
        return {Embed: self.embed}

    def stream_handlers(
        self,
    ) -> Mapping[type[StreamRequest[Any]], Callable[[Any, Call], AsyncIterator[Generated]]]:
        """Answer nothing in parts: `connectors.providers` asks for what is generated."""
        return {}

    async def close(self) -> None:
        """Close the connection; running calls are cancelled."""
        await self._server.close()

    def forget_tenant(self, tenant: str) -> None:
        """Drop what is kept of a tenant's texts."""
        self._kept.forget_tenant(tenant)

    async def embed(self, request: Embed, call: Call) -> Embedded:
        """Embed the texts, in their order, or return what the same ones of a query gave before.

        Raises Transient where the server is away or slow, Permanent where it refuses.
        """
        if not request.texts:
            raise Permanent("Embed without texts: ask for at least one")
        kept = self._kept.of(request, call.tenant)
        if kept is not None:
            mark_cached()
            return kept
        answer = await self._embedded(request, call)
        self._kept.keep(request, call.tenant, answer)
        return answer

    async def _embedded(self, request: Embed, call: Call) -> Embedded:
        vectors: list[bytes] = []
        token_vectors: list[bytes] = []
        counts: list[int] = []
        model = ""
        embedder = request.embedder or self.embedder
        with self._server.call("embed", embedder, call) as (span, headers):
            for start in range(0, len(request.texts), TEXTS_MAX):
                texts = request.texts[start : start + TEXTS_MAX]
                inputs = embedder_inputs(texts, request.kind, request.token_vectors)
                async with self._turn(call):
                    answer = AnsweredTensors(
                        await self._server.infer(
                            infer_request(embedder, inputs, call.event), self.timeout_s, headers
                        )
                    )
                vectors += [row.tobytes() for row in answer.numbers("vector").astype("<f4")]
                if request.token_vectors:
                    token_vectors += answer.strings("token_vectors")
                counts += answer.numbers("tokens").reshape(-1).tolist()
                model = answer.text("model")
            span.set_attribute("gen_ai.response.model", model)
            span.set_attribute("gen_ai.usage.input_tokens", sum(counts))
        return Embedded(
            vectors=tuple(vectors),
            token_vectors=tuple(token_vectors),
            counts=tuple(counts),
            model=model,
            dimensions=len(vectors[0]) // 4,
        )

    def _turn(self, call: Call) -> AbstractAsyncContextManager[None]:
        """Wait for a turn, among those in a hurry or those in none."""
        return (self._queries if call.deadline else self._bulk).turn(call)

    async def generate(
        self, request: Generate, call: Call, backend: Backend = "python"
    ) -> AsyncIterator[Generated]:
        """Continue the prompt; each part holds the tokens that arrived since the last one.

        Leaving the stream early cancels the generation. Errors as for `embed`; parts that came
        before an error stand. Waits for a turn before it. `backend` says what serves the model:
        our own one is of the Python backend.
        """
        async with (
            self._generations.turn(call),
            aclosing(self._generate(request, call, backend)) as parts,
        ):
            async for part in parts:
                yield part

    async def _generate(
        self, request: Generate, call: Call, backend: Backend
    ) -> AsyncGenerator[Generated, None]:
        with self._server.call("generate", request.model, call) as (span, headers):
            answers = self._server.stream(
                infer_request(request.model, INPUTS[backend](request), call.event, streamed=True),
                self.timeout_s,
                headers,
            )
            async with aclosing(
                in_parts(_pieces(answers, request, backend), self._patience_s)
            ) as parts:
                async for part in parts:
                    if part.last:
                        describe(span, part)
                    yield part


def _pieces(
    answers: read.StreamAnswers, request: Generate, backend: Backend
) -> AsyncIterator[Arrival]:
    if backend == "python":
        return read.pieces(answers)
    return read.backend_pieces(answers, request.model, request.max_tokens)
