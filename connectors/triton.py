"""Triton: answers Embed and Generate with the models that a Triton server holds.

Why it is so: a generation's tokens are pumped into a buffer, and each part of the stream is all
that arrived since the consumer last asked: the first token leaves at once, and a slow consumer gets
fewer, larger parts instead of delaying the model. When the server dies, what it was answering fails
as Transient, and the next call connects again by itself.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import grpc  # type: ignore[import-untyped]  # it ships no types
import numpy as np
import tritonclient.grpc as protocol
from numpy.typing import NDArray
from opentelemetry import propagate, trace
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from agents.errors import Permanent, Transient
from schemas import (
    Embed,
    Embedded,
    Generate,
    Generated,
    GeneratedFinishReason,
    GeneratedToken,
    Request,
    StreamRequest,
    Usage,
)
from streams.running.world import Call
from streams.settings import Settings

TEXTS_MAX = 256  # max_batch_size of the embedder; more texts take several requests
CHANNEL = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # after a restart of Triton the next call must not wait for gRPC's default of up to 2 minutes
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # Triton takes more frequent pings for abuse; a network that swallows packets is noticed
    # sooner, since with this on, data must be acknowledged within the timeout
    ("grpc.keepalive_time_ms", 360_000),
    ("grpc.keepalive_timeout_ms", 10_000),
]
# the request itself is at fault, or names a model that is not there: trying again can't help
PERMANENT = {"INVALID_ARGUMENT", "NOT_FOUND", "UNIMPLEMENTED", "OUT_OF_RANGE"}
UNKNOWN_MODEL = "unknown model"  # in a stream an error is a text without a status
REFUSED = "refused"  # the chat model's finish_reason where the request is at fault

tracer = trace.get_tracer(__name__)


class Triton:
    """The models of one server. Make it anywhere; it connects at the first call."""

    service = "Triton"

    def __init__(self, settings: Settings) -> None:
        self.address = settings.triton_grpc
        self.embedder = settings.embedder
        self.timeout_s = settings.call_timeout_s
        self._client: InferenceServerClient | None = None

    def handlers(self) -> Mapping[type[Request[Any]], Callable[[Any, Call], Awaitable[Embedded]]]:
        """Answer Embed."""
        return {Embed: self.embed}

    def stream_handlers(
        self,
    ) -> Mapping[type[StreamRequest[Any]], Callable[[Any, Call], AsyncIterator[Generated]]]:
        """Answer Generate."""
        return {Generate: self.generate}

    async def close(self) -> None:
        """Close the connection; running calls are cancelled."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def embed(self, request: Embed, call: Call) -> Embedded:
        """Embed the texts, in their order.

        Raises Transient where the server is away or slow, Permanent where it refuses.
        """
        if not request.texts:
            raise Permanent("Embed without texts: ask for at least one")
        vectors: list[bytes] = []
        token_vectors: list[bytes] = []
        counts: list[int] = []
        model = ""
        with self._span(f"embed {self.embedder}", self.embedder, call) as (span, headers):
            for start in range(0, len(request.texts), TEXTS_MAX):
                texts = request.texts[start : start + TEXTS_MAX]
                answer = await self._connected().infer(
                    self.embedder,
                    _embedder_inputs(texts, request.kind, request.token_vectors),
                    client_timeout=self.timeout_s,
                    headers=headers,
                    request_id=call.event,
                )
                vectors += [row.astype("<f4").tobytes() for row in answer.as_numpy("vector")]
                if request.token_vectors:
                    token_vectors += answer.as_numpy("token_vectors").reshape(-1).tolist()
                counts += answer.as_numpy("tokens").reshape(-1).tolist()
                model = answer.as_numpy("model")[0, 0].decode()
            span.set_attribute("gen_ai.response.model", model)
            span.set_attribute("gen_ai.usage.input_tokens", sum(counts))
        return Embedded(
            vectors=tuple(vectors),
            token_vectors=tuple(token_vectors),
            counts=tuple(counts),
            model=model,
            dimensions=len(vectors[0]) // 4,
        )

    async def generate(self, request: Generate, call: Call) -> AsyncIterator[Generated]:
        """Continue the prompt; each part holds the tokens that arrived since the last one.

        Leaving the stream early cancels the generation. Errors as for `embed`; parts that came
        before an error stand.
        """
        with self._span(f"generate {request.model}", request.model, call) as (span, headers):
            arrivals = Arrivals()
            answers = self._connected().stream_infer(
                _once(request, call.event),
                stream_timeout=self.timeout_s,
                headers=headers,
            )
            pump = asyncio.create_task(arrivals.pump(answers))
            try:
                last = False
                while not last:
                    part = await arrivals.take()
                    last = part.last
                    if last:
                        span.set_attribute("gen_ai.response.model", part.model)
                        span.set_attribute("gen_ai.response.finish_reasons", [part.finish_reason])
                        if part.usage:
                            tokens = part.usage
                            span.set_attribute("gen_ai.usage.input_tokens", tokens.prompt_tokens)
                            span.set_attribute(
                                "gen_ai.usage.output_tokens", tokens.completion_tokens
                            )
                    yield part
            finally:
                if not pump.done():  # the consumer left
                    pump.cancel()  # and with it the call that it reads
                    await asyncio.wait([pump])

    def _connected(self) -> InferenceServerClient:
        """Return the connection, made in the event loop that first asks for it."""
        if self._client is None:
            self._client = InferenceServerClient(self.address, channel_args=CHANNEL)
        return self._client

    @contextmanager
    def _span(
        self, name: str, model: str, call: Call
    ) -> Iterator[tuple[trace.Span, dict[str, str]]]:
        """Trace one call and turn what Triton raises into Transient or Permanent.

        The span is never made the current one: a stream is resumed from other contexts.
        """
        span = tracer.start_span(name, kind=trace.SpanKind.CLIENT)
        span.set_attribute("server.address", self.address)
        span.set_attribute("gen_ai.request.model", model)
        span.set_attribute("playhead.request", call.request)
        headers: dict[str, str] = {}
        propagate.inject(headers, trace.set_span_in_context(span))
        try:
            yield span, headers
        except (InferenceServerException, grpc.RpcError) as error:
            failure = failure_of(error, model, self.address)
            span.set_status(trace.StatusCode.ERROR, type(failure).__name__)
            raise failure from None
        except Transient:
            span.set_status(trace.StatusCode.ERROR, "Transient")
            raise
        finally:
            span.end()


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


def failure_of(error: Any, model: str, address: str) -> Transient | Permanent:
    """Say whether trying again may help. The message holds no text that was sent."""
    if isinstance(error, InferenceServerException):
        status, words = error.status() or "", error.message() or ""
    else:
        status, words = str(error.code()), error.details() or ""
    status = status.removeprefix("StatusCode.")
    if status in PERMANENT or (not status and UNKNOWN_MODEL in words):
        return Permanent(f"Triton refused a request to {model} ({status}): {words}")
    return Transient(f"Triton at {address} failed on {model} ({status or 'no status'}): {words}")


async def _once(request: Generate, event: str) -> AsyncIterator[dict[str, Any]]:
    """Yield the one request of a generation's stream."""
    yield {
        "model_name": request.model,
        "inputs": _chat_inputs(request),
        "request_id": event,
        "parameters": None,
        "enable_empty_final_response": True,
    }


def _embedder_inputs(texts: tuple[str, ...], kind: str, with_tokens: bool) -> list[Any]:
    rows = len(texts)
    return [
        _input("text", "BYTES", _bytes([[text] for text in texts])),
        _input("kind", "BYTES", _bytes([[kind]] * rows)),
        _input("with_tokens", "BOOL", np.full((rows, 1), with_tokens)),
    ]


def _chat_inputs(request: Generate) -> list[Any]:
    inputs = [
        _input("prompt", "BYTES", _bytes([request.prompt])),
        _input("max_tokens", "INT32", np.array([request.max_tokens], np.int32)),
        _input("temperature", "FP32", np.array([request.temperature], np.float32)),
        _input("seed", "INT32", np.array([request.seed], np.int32)),
    ]
    if request.stop:
        inputs.append(_input("stop", "BYTES", _bytes(list(request.stop))))
    if request.json_schema:
        inputs.append(_input("json_schema", "BYTES", _bytes([request.json_schema])))
    return inputs


def _input(name: str, datatype: str, values: NDArray[Any]) -> Any:
    tensor = protocol.InferInput(name, list(values.shape), datatype)
    tensor.set_data_from_numpy(values)
    return tensor


def _bytes(values: list[Any]) -> NDArray[np.object_]:
    """Make a tensor of strings, encoded as UTF-8."""
    tensor: NDArray[np.object_] = np.vectorize(str.encode, otypes=[object])(values)
    return tensor
