"""Triton server: one connection to it, and what each call over it is traced and refused as."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc  # type: ignore[import-untyped]  # it ships no types
from opentelemetry import propagate, trace
from tritonclient.grpc.aio import InferenceServerClient
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
        self._client: InferenceServerClient | None = None

    async def close(self) -> None:
        """Close the connection; running calls are cancelled."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def connected(self) -> InferenceServerClient:
        """Return the connection, made in the event loop that first asks for it."""
        if self._client is None:
            self._client = InferenceServerClient(
                self.address, creds=self._credentials, channel_args=CHANNEL
            )
        return self._client

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
