"""Triton server: one connection to it, and what each call over it is traced and refused as.

Why it is so: of the client, its messages and stubs are used, and not what it puts around them. That
took as long as gRPC itself: an array of objects for each string that comes or goes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import grpc  # type: ignore[import-untyped]  # it ships no types
from opentelemetry import propagate, trace
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

from agents.errors import Permanent, Transient
from connectors.triton.failures import failure_of
from streams.log.credential_files import grpc_files, tls_files
from streams.running.world import Call
from streams.settings import Settings

CHANNEL = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # after a restart of Triton the next call must not wait for gRPC's default of up to 2 minutes
    ("grpc.initial_reconnect_backoff_ms", 100),
    # for a connection to be made, too: a machine that is busy takes longer than a pause does
    ("grpc.min_reconnect_backoff_ms", 20_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # Triton takes more frequent pings for abuse; a network that swallows packets is noticed
    # sooner, since with this on, data must be acknowledged within the timeout
    ("grpc.keepalive_time_ms", 360_000),
    ("grpc.keepalive_timeout_ms", 10_000),
]
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
FailureOf = Callable[[Any, str, str], Transient | Permanent]
"""Says of an error, by a model at an address, whether trying again may help."""


class TritonServer:
    """A connection that is made at the first call. Make it anywhere."""

    def __init__(
        self,
        settings: Settings,
        address: str,
        tracer: trace.Tracer,
        failure: FailureOf = failure_of,
    ) -> None:
        """Connect to nobody yet; raises BadSetting for certificates that can't be used."""
        self.address = address
        self._credentials = _credentials(settings)
        self._tracer = tracer
        self._failure = failure
        self._channel: grpc.aio.Channel | None = None
        self._infer: Any = None
        self._stream: Any = None

    async def close(self) -> None:
        """Close the connection; running calls are cancelled."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()

    async def infer(
        self,
        request: service_pb2.ModelInferRequest,
        timeout_s: float,
        headers: Mapping[str, str],
    ) -> service_pb2.ModelInferResponse:
        """Ask a model for one answer; raises grpc.RpcError, to be translated by `call`."""
        self._connect()
        answer: service_pb2.ModelInferResponse = await self._infer(
            request, timeout=timeout_s, metadata=tuple(headers.items())
        )
        return answer

    def stream(
        self,
        request: service_pb2.ModelInferRequest,
        timeout_s: float,
        headers: Mapping[str, str],
    ) -> AsyncIterator[service_pb2.ModelStreamInferResponse]:
        """Ask a model for answers one after the other, within a time; raises as `infer` does.

        Triton takes many requests by one stream; we send one, and say at once that it is all.
        """
        self._connect()
        answers: AsyncIterator[service_pb2.ModelStreamInferResponse] = self._stream(
            request, timeout=timeout_s, metadata=tuple(headers.items())
        )
        return answers

    def _connect(self) -> None:
        """Make the connection, in the event loop that first asks for it."""
        if self._channel is not None:
            return
        if self._credentials is None:
            self._channel = grpc.aio.insecure_channel(self.address, CHANNEL)
        else:
            self._channel = grpc.aio.secure_channel(self.address, self._credentials, CHANNEL)
        self._infer = service_pb2_grpc.GRPCInferenceServiceStub(self._channel).ModelInfer
        self._stream = self._channel.unary_stream(
            STREAM,
            request_serializer=service_pb2.ModelInferRequest.SerializeToString,
            response_deserializer=service_pb2.ModelStreamInferResponse.FromString,
        )

    @contextmanager
    def call(
        self, verb: str, model: str, call: Call
    ) -> Iterator[tuple[trace.Span, dict[str, str]]]:
        """Trace one call and turn what Triton raises into Transient or Permanent.

        Yields the span and the headers to send. The span is never made the current one: a stream is
        resumed from other contexts.
        """
        span = self._tracer.start_span(f"{verb} {model}", kind=trace.SpanKind.CLIENT)
        span.set_attribute("server.address", self.address)
        span.set_attribute("gen_ai.request.model", model)
        span.set_attribute("playhead.request", call.request)
        headers: dict[str, str] = {}
        propagate.inject(headers, trace.set_span_in_context(span))
        try:
            yield span, headers
        except (InferenceServerException, grpc.RpcError) as error:
            failure = self._failure(error, model, self.address)
            span.set_status(trace.StatusCode.ERROR, type(failure).__name__)
            raise failure from None
        except Transient:
            span.set_status(trace.StatusCode.ERROR, "Transient")
            raise
        finally:
            span.end()


def _credentials(settings: Settings) -> Any:
    """Return what the server is spoken to by; None where that is plain."""
    if settings.triton_security == "plaintext":
        return None
    return grpc.ssl_channel_credentials(*grpc_files(tls_files(settings, "triton")))
