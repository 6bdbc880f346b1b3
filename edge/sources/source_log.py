"""The facts about a tenant's sources, read from its lanes and written to them.

Two of the topics are compacted, so a record's key is what it is about: a source, or a document of
a source. Nobody is told of another tenant's, though lanes are shared: a record counts where it says
the tenant, and lies under the key that it says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from types import TracebackType
from typing import Any, Self, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException

from edge.requests.identity import Identities, Identity
from schemas import DocumentSeen, SourceConfigured, SourceRan
from streams.log.addressing import address_of
from streams.log.codec import Codec, Undecodable
from streams.log.lanes import lanes
from streams.log.offsets import extent_of
from streams.log.reading import new_consumer, records
from streams.log.writing import Position, Writer
from streams.settings import Settings
from streams.topics import topic_of

SourceFact = SourceConfigured | DocumentSeen | SourceRan
Fact = TypeVar("Fact", SourceConfigured, DocumentSeen, SourceRan)
EDGE = "sources"
_NO_TOPIC = frozenset({KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION})  # noqa: SLF001 - public


class NoSourceTopics(Exception):
    """The broker has no topics for sources: an older stack made its topics."""


def key_of(fact: SourceFact) -> bytes:
    """Return the key of a record: the last one of a key counts."""
    tenant = fact.meta.tenant
    if isinstance(fact, SourceRan):
        return tenant.encode()
    if isinstance(fact, SourceConfigured):
        return f"{tenant}|{fact.source}".encode()
    return f"{tenant}|{fact.source}|{fact.document}".encode()


def source_identity(identities: Identities, tenant: str, source: str, fingerprint: str) -> Identity:
    """Identify what is said about a source as a whole; raises Refused for what is no tenant."""
    return identities.of_known_document(
        tenant, f"source-{source}", f"source|{source}|{fingerprint}"
    )


def configured_digest(configured: SourceConfigured) -> str:
    """Digest what a source is: with another digest it is read from the beginning."""
    told = [
        configured.kind,
        configured.location,
        dict(configured.options),
        configured.chunk_policy,
        list(configured.groups),
    ]
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class SourceLog:
    """Reads and writes; a context manager. Not to be used by two threads at once.

    Methods raise KafkaException or TimeoutError where the broker does not answer, NoSourceTopics
    where it has no such topics.
    """

    def __init__(
        self,
        settings: Settings,
        codec: Codec,
        *,
        consumer: Consumer | None = None,
        writer: Writer | None = None,
    ) -> None:
        self._settings, self._codec = settings, codec
        self._consumer = consumer or new_consumer(settings, EDGE)
        self._writer = writer or Writer(settings, f"playhead-{EDGE}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()
        self._consumer.close()

    def configured(self, tenant: str) -> dict[str, SourceConfigured]:
        """Return a tenant's sources by name, without those that were taken away."""
        last = {fact.source: fact for fact in self._facts(SourceConfigured, tenant)}
        return {name: last[name] for name in sorted(last) if not last[name].removed}

    def seen(self, tenant: str) -> Iterator[DocumentSeen]:
        """Yield what was seen of a tenant's documents; of one document the last counts."""
        return self._facts(DocumentSeen, tenant)

    def runs(self, tenant: str) -> Iterator[SourceRan]:
        """Yield the records of a tenant's runs, oldest first."""
        return self._facts(SourceRan, tenant)

    def put(self, fact: SourceFact) -> Future[Position]:
        """Write a record; the future ends once the broker has it.

        Raises QueueFull, RecordTooLarge, or KafkaException.
        """
        topic, lane, _, headers = address_of(fact)
        value = self._codec.encode(fact)
        return self._writer.write(topic, lane, key_of(fact), value, headers)

    def _facts(self, record: type[Fact], tenant: str) -> Iterator[Fact]:
        topic = topic_of(record)
        # the edge gives every tenant one lane
        for lane in lanes(tenant, self._settings.partitions):
            try:
                extent = extent_of(self._consumer, topic, lane)
            except KafkaException as error:
                if error.args[0].code() in _NO_TOPIC:
                    raise NoSourceTopics(
                        f"the log has no topic {topic}: it was made by an older version; "
                        "`playhead down` and `playhead up` add what is missing"
                    ) from None
                raise
            with closing(records(self._consumer, [extent])) as messages:
                for message in messages:
                    if (fact := self._read(record, tenant, message)) is not None:
                        yield fact

    def _read(self, record: type[Fact], tenant: str, message: Any) -> Fact | None:
        """Read a record of the tenant; None for one of another, and for what is none."""
        if not (message.key() or b"").startswith(tenant.encode()):
            return None
        try:
            fact = self._codec.decode(message.value(), record)
        except Undecodable:
            return None
        return fact if fact.meta.tenant == tenant and key_of(fact) == message.key() else None
