"""Producer: seals what may hold personal data and publishes requests to the log.

For programs that hold the keys of a tenant. A program that can't seal publishes to
`playhead.inbox.*` instead (docs/examples/inbox_producer.py).

    producer = Producer(Settings.load())
    request = producer.submit_document("acme", uri="https://acme.test/vat", content=b"...")
    request = producer.ask("acme", user="jane", session="s-1", text="When is VAT due?")
"""

from __future__ import annotations

from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from agents.errors import Transient
from connectors.keyring import Keyring
from edge.requests.building import RequestBuilder
from edge.requests.publishing import WORD_TIMEOUT_S, Publishes, RequestPublisher
from schemas import Event
from streams.log.codec import open_codec
from streams.log.writing import Position
from streams.settings import Settings


@dataclass(frozen=True)
class PublishedRequest:
    """A request that is on the log."""

    request: str
    """Request id: what every outcome carries."""
    session: str
    """Conversation, or the document's id."""
    position: Position


class Producer:
    """Seals and publishes requests, and waits until the broker has them.

    Each method raises Refused (TooLarge among them) for what can't be taken in, and Transient where
    the broker or the registry is away. It is safe to use from several threads.
    """

    def __init__(
        self, settings: Settings, *, edge: str = "producer", publisher: Publishes | None = None
    ) -> None:
        self.requests = RequestBuilder(settings, Keyring(settings), edge=edge)
        if publisher is None:
            publisher = RequestPublisher(settings, open_codec(settings), client=edge)
        self._publisher = publisher

    def submit_document(self, tenant: str, **document: Any) -> PublishedRequest:
        """Hand a document in; the arguments are those of `RequestBuilder.document`."""
        return self._publish(self.requests.document(tenant, **document))

    def withdraw_document(self, tenant: str, **withdrawal: Any) -> PublishedRequest:
        """Withdraw a document; the arguments are those of `RequestBuilder.withdrawal`."""
        return self._publish(self.requests.withdrawal(tenant, **withdrawal))

    def ask(self, tenant: str, **question: Any) -> PublishedRequest:
        """Ask a question; the arguments are those of `RequestBuilder.question`."""
        return self._publish(self.requests.question(tenant, **question))

    def close(self) -> None:
        """Wait for what is under way, then stop."""
        self._publisher.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        stack: TracebackType | None,
    ) -> None:
        self.close()

    def _publish(self, event: Event) -> PublishedRequest:
        try:
            position = self._publisher.send(event).result(WORD_TIMEOUT_S)
        except TookTooLong:
            raise Transient("the broker did not answer: try again") from None
        return PublishedRequest(event.meta.request, event.meta.session, position)
