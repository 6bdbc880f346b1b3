"""Producer: seals what may hold personal data and publishes requests to the log.

For programs that hold the keys of a tenant: the gateway, the inbox, and any of yours. A program
that can't seal publishes to `playhead.inbox.*` instead (docs/examples/inbox_producer.py).

    producer = Producer(Settings.load())
    taken = producer.submit_document("acme", uri="https://acme.test/vat", content=b"...")
    taken = producer.ask("acme", user="jane", session="s-1", text="When is VAT due?")

Equal fingerprints (idempotency keys) are one request: the same id, so its repeat is recognised.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import confluent_kafka
import httpx
from confluent_kafka import KafkaException
from confluent_kafka.schema_registry.error import SchemaRegistryError

from agents.errors import Permanent, Transient
from connectors.keyring import Keyring
from connectors.media_types import MEDIA_TYPES
from edge.limits import (
    METADATA_ENTRIES_MAX,
    METADATA_KEY_CHARS_MAX,
    METADATA_VALUE_CHARS_MAX,
    QUESTION_CHARS_MAX,
    SESSION_CHARS_MAX,
    TITLE_CHARS_MAX,
    URI_CHARS_MAX,
    USER_CHARS_MAX,
)
from schemas import (
    Ask,
    DocumentSubmitted,
    DocumentWithdrawn,
    Event,
    Meta,
    QuestionAsked,
    Sealed,
    StepVersion,
)
from schemas.registry import Registry
from streams.log.codec import Codec
from streams.log.ids import document_id, request_id
from streams.log.lanes import lane_of
from streams.log.subjects import subjects
from streams.running.live import now_us
from streams.settings import Settings
from streams.topics import topic_of
from streams.version import CODE

TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
"""What a tenant may be called: Weaviate's rule for tenant names, and safe in a file name."""
SESSION = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:-]{{0,{SESSION_CHARS_MAX - 1}}}")
CHUNK_POLICIES = ("procedural", "faq")
DELIVERY_TIMEOUT_S = 15.0
"""How long the broker may take before a request counts as not taken in."""
UNSENT_MAX = 10_000
"""Records that may wait for the broker; then no more are taken in."""
UNSENT_KIB_MAX = 65_536
"""The same by size, 64 MiB: larger documents travel by claim check."""

REGISTRY_AWAY = (OSError, httpx.TransportError, SchemaRegistryError)
"""How the registry's client says that it got no answer, or none of use."""


class Refused(Permanent, ValueError):
    """A request that can't be taken in; the message says what is wrong and what to do."""


class TooLarge(Refused):
    """A document or question above its limit."""


class Sealer(Protocol):
    """What the edge needs of the keyring."""

    def seal(self, tenant: str, key: str, event: str, field: str, value: bytes) -> Sealed:
        """Encrypt a value for a field of an event; may raise KeyDestroyed."""

    def unseal(self, tenant: str, sealed: Sealed) -> bytes:
        """Decrypt; raises KeyDestroyed or Permanent."""

    def digest(self, tenant: str, value: bytes) -> str:
        """Hex digest under the tenant's key."""


@dataclass(frozen=True)
class Position:
    """Where a record was written."""

    topic: str
    partition: int
    offset: int
    time_ms: int
    """The record's timestamp on the broker."""


@dataclass(frozen=True)
class Taken:
    """A request that is on the log."""

    request: str
    """Request id: what every outcome carries."""
    session: str
    """Conversation, or the document's id."""
    position: Position


def traceparent() -> str:
    """Begin a trace: a W3C traceparent with random ids, sampled."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def session_of(request: str) -> str:
    """Name the conversation that a question begins when it names none."""
    return f"s-{request}"


class Requests:
    """Builds requests: checked, sealed and stamped, but not yet on the log."""

    def __init__(self, settings: Settings, keyring: Sealer, *, edge: str) -> None:
        self._settings = settings
        self._keyring = keyring
        self._edge = edge

    def subject(self, tenant: str, user: str) -> str:
        """Return the keyed digest that stands for a user on the log."""
        _check_tenant(tenant)
        return self._keyring.digest(tenant, user.encode())

    def question(
        self,
        tenant: str,
        *,
        user: str,
        text: str,
        session: str = "",
        ask: Ask | None = None,
        fingerprint: str = "",
        trace: str = "",
    ) -> QuestionAsked:
        """Build a question; a session of its own unless one is given. Raises Refused."""
        _check_tenant(tenant)
        if not user or len(user) > USER_CHARS_MAX:
            raise Refused(
                f"the user is empty or too long: name the asker in at most {USER_CHARS_MAX} "
                "characters"
            )
        if not text:
            raise Refused("the text is empty: send the words of the question")
        if len(text) > QUESTION_CHARS_MAX:
            raise TooLarge(
                f"the text has {len(text)} characters, the limit is {QUESTION_CHARS_MAX}: shorten "
                "it, or hand long texts in as documents"
            )
        if session and not SESSION.fullmatch(session):
            raise Refused(
                "the session id must be 1 to 128 letters, digits or . _ : - and begin with a "
                "letter or digit"
            )
        identity = request_id(tenant, fingerprint or str(uuid.uuid4()))
        session = session or session_of(identity)
        subject = self.subject(tenant, user)
        sealed = self._keyring.seal(
            tenant, f"user/{subject}", identity, "text", text.encode("utf-8", "replace")
        )
        return QuestionAsked(
            meta=self._meta(tenant, identity, session, trace),
            subject=subject,
            text=sealed,
            ask=ask or Ask(deadline=now_us() + self._settings.deadline_ms * 1_000),
        )

    def document(
        self,
        tenant: str,
        *,
        uri: str,
        content: bytes,
        media_type: str = "text/plain",
        title: str = "",
        metadata: Mapping[str, str] | None = None,
        groups: Sequence[str] = (),
        chunk_policy: str = "procedural",
        fingerprint: str = "",
        trace: str = "",
    ) -> DocumentSubmitted:
        """Build the submission of a document. Raises Refused."""
        _check_tenant(tenant)
        if not uri or len(uri) > URI_CHARS_MAX:
            raise Refused(
                f"the uri has {len(uri)} characters: name the document in 1 to {URI_CHARS_MAX}"
            )
        if media_type not in MEDIA_TYPES:
            raise Refused(
                f"media type {media_type[:100]!r} can't be read: send {', '.join(MEDIA_TYPES)}"
            )
        if chunk_policy not in CHUNK_POLICIES:
            raise Refused(f"no such chunk policy: choose {' or '.join(CHUNK_POLICIES)}")
        if len(content) > self._settings.document_bytes_max:
            raise TooLarge(
                f"the document has {len(content)} bytes, the limit is "
                f"{self._settings.document_bytes_max}: split it, or raise "
                "PLAYHEAD_DOCUMENT_BYTES_MAX"
            )
        if len(title) > TITLE_CHARS_MAX:
            raise TooLarge(f"the title has {len(title)} characters, the limit is {TITLE_CHARS_MAX}")
        properties = dict(metadata or {})
        if len(properties) > METADATA_ENTRIES_MAX or any(
            not key or len(key) > METADATA_KEY_CHARS_MAX or len(value) > METADATA_VALUE_CHARS_MAX
            for key, value in properties.items()
        ):
            raise Refused(
                f"metadata may have {METADATA_ENTRIES_MAX} entries, each with a key of 1 to "
                f"{METADATA_KEY_CHARS_MAX} and a value of at most {METADATA_VALUE_CHARS_MAX} "
                "characters"
            )
        document = document_id(tenant, uri)
        identity = request_id(tenant, fingerprint or str(uuid.uuid4()))
        key = f"document/{document}"
        return DocumentSubmitted(
            meta=self._meta(tenant, identity, document, trace),
            document=document,
            uri=uri,
            media_type=media_type,
            title=self._keyring.seal(tenant, key, identity, "title", title.encode())
            if title
            else None,
            content=self._keyring.seal(tenant, key, identity, "content", content),
            metadata=properties,
            groups=tuple(groups),
            chunk_policy=chunk_policy,
        )

    def withdrawal(
        self,
        tenant: str,
        *,
        document: str,
        reason: str = "",
        fingerprint: str = "",
        trace: str = "",
    ) -> DocumentWithdrawn:
        """Build the withdrawal of a document by its id. Raises Refused."""
        _check_tenant(tenant)
        identity = request_id(tenant, fingerprint or str(uuid.uuid4()))
        return DocumentWithdrawn(
            meta=self._meta(tenant, identity, document, trace), document=document, reason=reason
        )

    def _meta(self, tenant: str, identity: str, session: str, trace: str) -> Meta:
        return Meta(
            id=identity,
            tenant=tenant,
            lane=lane_of(tenant, session, self._settings.partitions),
            request=identity,
            session=session,
            at=now_us(),
            step=StepVersion(name=self._edge, code=CODE, configuration=""),
            trace=trace or traceparent(),
        )


class Publisher:
    """Writes events to the log, each to its topic and lane, and tells when the broker has them."""

    def __init__(self, settings: Settings, codec: Codec, *, client: str) -> None:
        self._codec = codec
        self._kafka = confluent_kafka.Producer(
            {
                "bootstrap.servers": settings.kafka,
                "client.id": f"playhead-{client}",
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 0,  # a question waits for no other
                "delivery.timeout.ms": int(DELIVERY_TIMEOUT_S * 1_000),
                "request.timeout.ms": 10_000,
                "message.max.bytes": 1_000_000,
                "queue.buffering.max.messages": UNSENT_MAX,
                "queue.buffering.max.kbytes": UNSENT_KIB_MAX,
                "log_level": 2,
            }
        )
        self._open = True
        self._poller = threading.Thread(target=self._poll, name="deliveries", daemon=True)
        self._poller.start()

    def send(self, event: Event) -> Future[Position]:
        """Publish; the future ends once the broker has it, or with Transient.

        Raises Transient at once where the queue to the broker is full or the registry is away.
        """
        done: Future[Position] = Future()
        topic = topic_of(event)

        def delivered(error: Any, message: Any) -> None:
            if error is not None:
                done.set_exception(
                    Transient(
                        f"the broker did not take a record of {topic} ({error.name()}): try again"
                    )
                )
                return
            done.set_result(
                Position(topic, message.partition(), message.offset(), message.timestamp()[1])
            )

        try:
            value = self._codec.encode(event)
        except REGISTRY_AWAY as error:
            raise Transient(f"the schema registry is away: {type(error).__name__}") from None
        meta = event.meta
        try:
            self._kafka.produce(
                topic,
                value=value,
                key=meta.tenant.encode(),
                partition=meta.lane,
                headers=[
                    ("id", meta.id.encode()),
                    ("request", meta.request.encode()),
                    ("traceparent", meta.trace.encode()),
                ],
                on_delivery=delivered,
            )
        except BufferError:
            raise Transient("too many records wait for the broker: try again shortly") from None
        except KafkaException as error:
            raise Permanent(f"{topic} does not take the record: {error}") from None
        return done

    @property
    def unsent(self) -> int:
        """Records that the broker has not acknowledged yet."""
        return len(self._kafka)

    def close(self, timeout_s: float = 10.0) -> None:
        """Wait for what is under way, then stop."""
        if self._open:
            self._kafka.flush(timeout_s)
            self._open = False
            self._poller.join()

    def _poll(self) -> None:
        while self._open:
            self._kafka.poll(0.1)


class Producer:
    """Seals and publishes requests, and waits until the broker has them.

    Each method raises Refused (TooLarge among them) for what can't be taken in, and Transient where
    the broker or the registry is away. It is safe to use from several threads.
    """

    def __init__(self, settings: Settings, *, edge: str = "producer") -> None:
        registry = Registry(settings.registry)
        registry.expect(subjects())
        self.requests = Requests(settings, Keyring(settings), edge=edge)
        self._publisher = Publisher(settings, Codec(registry), client=edge)

    def submit_document(self, tenant: str, **document: Any) -> Taken:
        """Hand a document in; the arguments are those of `Requests.document`."""
        return self._publish(self.requests.document(tenant, **document))

    def withdraw_document(self, tenant: str, **withdrawal: Any) -> Taken:
        """Withdraw a document; the arguments are those of `Requests.withdrawal`."""
        return self._publish(self.requests.withdrawal(tenant, **withdrawal))

    def ask(self, tenant: str, **question: Any) -> Taken:
        """Ask a question; the arguments are those of `Requests.question`."""
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

    def _publish(self, event: Event) -> Taken:
        try:
            position = self._publisher.send(event).result(DELIVERY_TIMEOUT_S + 5)
        except TookTooLong:
            raise Transient("the broker did not answer: try again") from None
        return Taken(event.meta.request, event.meta.session, position)


def _check_tenant(tenant: str) -> None:
    if not TENANT.fullmatch(tenant):
        raise Refused(
            "a tenant is called by 1 to 63 letters, digits, _ or -, the first a letter or digit"
        )


def response_schema_text(schema: Mapping[str, Any] | None) -> str:
    """Spell a JSON schema for `Ask.response_schema`: the same schema gives the same text."""
    return "" if schema is None else json.dumps(schema, sort_keys=True, separators=(",", ":"))
