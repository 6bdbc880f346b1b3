"""The gateway, and the inbox beside it, on the real components."""

from __future__ import annotations

from connectors.keyring import Keyring
from edge.callers.api_keys import ApiKeys, keys_path
from edge.gateway.gateway import Gateway
from edge.gateway.idempotency import Idempotency
from edge.listening.log_reader import LogReader
from edge.requests.inbox import Inbox
from edge.requests.publishing import RequestPublisher
from edge.reviewing.review_reader import ReviewReader
from streams.log.codec import open_codec
from streams.operations.lag import LagReader
from streams.settings import Settings


def on_components(settings: Settings) -> tuple[Gateway, Inbox]:
    """Put the gateway and the inbox on Kafka, the registry and the key store; neither has begun."""
    codec = open_codec(settings)
    keyring = Keyring(settings)
    publisher = RequestPublisher(settings, codec, client="gateway")
    gateway = Gateway(
        settings=settings,
        keyring=keyring,
        keys=ApiKeys(keys_path(settings)),
        idempotency=Idempotency(settings.run / "idempotency.sqlite"),
        publisher=publisher,
        log=LogReader(settings, codec),
        offsets=lambda: LagReader(settings),
        reviews=ReviewReader(settings, codec),
    )
    return gateway, Inbox(settings, codec, keyring, publisher.send)
