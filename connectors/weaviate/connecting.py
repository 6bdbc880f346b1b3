"""Connect to Weaviate, so that whoever asks learns at once when nobody is there.

Why it is so: the client's own ways of waiting for a server are switched off
(`WeaviateConnection`). It would try a call again for a minute before it says that nobody is there,
and gRPC would wait for up to two before it connects again. Callers have a deadline and a circuit
breaker of their own.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import grpc  # type: ignore[import-untyped]  # it ships no types
import httpx
import weaviate
from weaviate.classes.init import AdditionalConfig, Auth, Timeout
from weaviate.connect import ConnectionParams
from weaviate.proto.v1 import search_get_pb2

from agents.errors import Transient
from streams.log.credential_files import grpc_files, tls_context, tls_files
from streams.settings import Settings

QUERY_S = 30  # no answer is waited for longer
MESSAGE_BYTES_MAX = 104_858_000  # Weaviate's own bound
CHANNEL = (
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # a server in Go takes more frequent pings for abuse; a network that swallows packets is
    # noticed sooner, since with this on, data must be acknowledged within the timeout
    ("grpc.keepalive_time_ms", 360_000),
    ("grpc.keepalive_timeout_ms", 10_000),
)

# the client would log the objects that it failed to write
logging.getLogger("weaviate-client").setLevel(logging.CRITICAL)


class _FailAtOnce(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc]  # so its base is Any
    """Raises ConnectionError where nobody answers: on that the client does not try again."""

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        call = await continuation(details, request)
        try:
            await call
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                raise ConnectionError(error.details()) from None
            raise
        return call


class WeaviateConnection(ConnectionParams):
    """Where Weaviate is, and how its client connects."""

    authorities: bytes | None = None
    """Certificates (PEM) of who may have signed Weaviate's; None for gRPC's own."""

    def _grpc_channel(
        self, proxies: dict[str, str], grpc_msg_size: int | None, is_async: bool
    ) -> grpc.aio.Channel:
        del proxies, grpc_msg_size
        assert is_async
        return self.channel([_FailAtOnce()])

    def channel(
        self, interceptors: Sequence[grpc.aio.UnaryUnaryClientInterceptor] = ()
    ) -> grpc.aio.Channel:
        """Make a channel; those to one address share its connection."""
        options = [*CHANNEL, ("grpc.default_authority", self.grpc.host)]
        if not self.grpc.secure:
            return grpc.aio.insecure_channel(self._grpc_target, options, interceptors=interceptors)
        credentials = grpc.ssl_channel_credentials(self.authorities)
        return grpc.aio.secure_channel(
            self._grpc_target, credentials, options, interceptors=interceptors
        )


class IndexClient(weaviate.WeaviateAsyncClient):
    """Weaviate's client, with a way past it for what questions ask (`tenant_objects.py`)."""

    def __init__(self, settings: Settings) -> None:
        """Connect to nobody yet.

        Raises Transient if the key's file can't be read, BadSetting for certificates that can't.
        """
        key = _key(settings.weaviate_key_file)
        http = urlsplit(settings.weaviate_http)
        host, _, port = settings.weaviate_grpc.rpartition(":")
        secure = http.scheme == "https"
        made = WeaviateConnection.from_params(
            http_host=http.hostname or "127.0.0.1",
            http_port=http.port or (443 if secure else 80),
            http_secure=secure,
            grpc_host=host,
            grpc_port=int(port),
            grpc_secure=secure,
        )
        where = cast(WeaviateConnection, made)
        files = tls_files(settings, "weaviate")
        where.authorities, _, _ = grpc_files(files)
        super().__init__(
            where,
            auth_client_secret=Auth.api_key(key) if key else None,
            additional_config=AdditionalConfig(
                timeout=Timeout(init=10, query=QUERY_S, insert=60), trust_env=False
            ),
            skip_init_checks=True,  # one of them asks a package registry for a newer client
        )
        if secure:
            self._trust(tls_context(files, "weaviate"))
        self._metadata = (("authorization", f"Bearer {key}"),) if key else ()
        self._where = where
        self._channel: grpc.aio.Channel | None = None
        self._search: Callable[..., Awaitable[search_get_pb2.SearchReply]] | None = None

    def _trust(self, context: ssl.SSLContext) -> None:
        """Have REST take certificates by a context: the client's own takes no authorities."""
        connection: Any = self._connection

        def make_client(colour: str) -> httpx.AsyncClient:
            assert colour == "async"
            return httpx.AsyncClient(
                headers=connection._headers,  # noqa: SLF001 - as the client's own does
                verify=context,
                trust_env=False,
            )

        connection._make_client = make_client  # noqa: SLF001 - no public way

    async def search(self, request: search_get_pb2.SearchRequest) -> search_get_pb2.SearchReply:
        """Send a search; raises ConnectionError where nobody answers, else grpc.RpcError."""
        if self._channel is None or self._search is None:
            self._channel = self._where.channel()
            self._search = self._channel.unary_unary(
                "/weaviate.v1.Weaviate/Search",
                request_serializer=search_get_pb2.SearchRequest.SerializeToString,
                response_deserializer=search_get_pb2.SearchReply.FromString,
            )
        try:
            return await self._search(request, metadata=self._metadata, timeout=QUERY_S)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                raise ConnectionError(error.details()) from None
            raise

    async def close(self) -> None:
        """Let go of all connections; what is still asked is cancelled."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()
        await super().close()


def new_client(settings: Settings) -> IndexClient:
    """Make a client that is not connected yet; raises Transient if the key's file can't be read."""
    return IndexClient(settings)


def _key(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip() if file else ""
    except OSError as error:
        raise Transient(
            f"the key of Weaviate can't be read ({type(error).__name__}): see weaviate_key_file"
        ) from None
