"""Inbox: plain records of foreign producers become sealed requests.

Reads `playhead.inbox.document` and `playhead.inbox.question`, seals, publishes to the request
topics and only then commits. A record that can't be taken in becomes an EventRejected that names
its place and holds nothing of its value, since that may be plain text.

A record under a schema that was never met waits aside (see `inbox_records`), the others go on.

A request's fingerprint is the record's idempotency key, else its position: a record that is read
again after a crash gives the same request.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TookTooLong
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from agents.errors import Permanent, Transient
from edge.requests import limits
from edge.requests.building import RequestBuilder, Seals
from edge.requests.configured_limits import ConfiguredLimits
from edge.requests.identity import Identity, stamp
from edge.requests.inbox_records import InboxRecords
from edge.requests.new_document import check_uri
from edge.requests.publishing import REGISTRY_AWAY, WORD_TIMEOUT_S
from edge.requests.validity import check_idempotency_key
from schemas import Ask, Event, EventRejected, Failed, InboxDocument, InboxQuestion
from streams.log.broker_access import client_settings
from streams.log.clock import now_us
from streams.log.codec import Codec, Undecodable
from streams.log.ids import document_id, outcome_id
from streams.log.offsets import Partition
from streams.log.reading import ends_client
from streams.log.schema_asker import SchemaAsker
from streams.log.writing import DELIVERY_TIMEOUT_S, Position
from streams.running.admit import rejection, unreadable
from streams.running.producer_proof import ProducerProof
from streams.running.run import Input
from streams.settings import Settings
from streams.topics import INBOX, group_of
from streams.watching.logs import logger, places

log = logger("inbox")
EDGE = "inbox"
GROUP = group_of(EDGE)
BATCH_MAX = 100  # records sealed and published before their offsets are committed together
PAUSE_MAX_S = 10.0


class Inbox:
    """Takes in what foreign producers publish; runs on a thread of its own."""

    def __init__(
        self,
        settings: Settings,
        codec: Codec,
        keyring: Seals,
        send: Callable[[Event], Future[Position]],
        pause_s: float = 0.2,
        *,
        new_consumer: Callable[[dict[str, Any]], Any] = Consumer,
        asker: SchemaAsker | None = None,
        configured: ConfiguredLimits | None = None,
        proof: ProducerProof | None = None,
    ) -> None:
        self._settings = settings
        self._codec = codec
        self._asker = asker or SchemaAsker(codec)
        self._new_consumer = new_consumer
        self._requests = RequestBuilder(settings, keyring, edge=EDGE, configured=configured)
        self._send = send
        self._proof = proof or ProducerProof()
        self._pause_s = pause_s
        self._records = {topic.name: topic.record for topic in INBOX}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch in hand and stop; what is not committed is read again."""
        self._stopping.set()
        self._asker.stop()
        if self._thread.is_alive():
            self._thread.join(DELIVERY_TIMEOUT_S)

    def request_for(self, message: Any) -> Event:
        """Return the request that a record asks for, or why it is rejected.

        Raises Transient where the keyring or the registry is away, or it is not known yet whether
        producers must sign.
        """
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        given, tenant = unreadable(topic, partition, offset), ""
        try:
            record: Any = self._codec.decode(message.value(), self._records[topic])
            # one that is copied, signature and all, is the same request again
            nonce = self._proof.nonce(message, record.tenant)
            if limits.TENANT.fullmatch(record.tenant):
                tenant = record.tenant
            return self._build(record, nonce or f"{topic}|{partition}|{offset}")
        except (Transient, *REGISTRY_AWAY):
            raise
        except (Undecodable, Permanent) as error:
            return self._rejection(given, tenant, type(error).__name__, str(error))
        except Exception as error:  # noqa: BLE001 - one bad record must not hold up all others
            kind = type(error).__name__
            why = f"an unforeseen {kind} in the inbox: report it; the record is not taken in"
            return self._rejection(given, "", kind, why)

    def _build(self, record: Any, position: str) -> Event:
        check_idempotency_key(record.idempotency_key)
        fingerprint = f"inbox|{record.idempotency_key or position}"
        if isinstance(record, InboxDocument) and record.withdrawn:
            check_uri(record.uri)
            return self._requests.withdrawal(
                record.tenant,
                document=document_id(record.tenant, record.uri),
                reason="withdrawn by the inbox",
                fingerprint=fingerprint,
            )
        if isinstance(record, InboxDocument):
            return self._requests.document(
                record.tenant,
                uri=record.uri,
                content=record.content,
                media_type=record.media_type,
                title=record.title,
                metadata=record.metadata,
                groups=record.groups,
                chunk_policy=record.chunk_policy,
                fingerprint=fingerprint,
            )
        assert isinstance(record, InboxQuestion)
        return self._requests.question(
            record.tenant,
            user=record.user,
            session=record.session,
            text=record.text,
            ask=Ask(
                max_tokens=record.max_tokens,
                groups=record.groups,
                deadline=now_us() + self._settings.deadline_ms * 1_000,
            ),
            fingerprint=fingerprint,
        )

    def _rejection(self, given: Input, tenant: str, error: str, message: str) -> EventRejected:
        nobody = Identity(
            request="",
            tenant=tenant,
            subject="",
            session="",
            lane=given.partition % self._settings.partitions,
        )
        meta = stamp(EDGE, nobody, record=outcome_id(given.event.meta.id, EDGE, 0))
        failure = Failed(error=error, message=message, traceback="", attempts=1)
        return rejection(EDGE, given, key=None, value=None)(failure, meta)

    # ------------------------------------------------------------------ the thread

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._read_on()
            except Exception as error:  # noqa: BLE001 - a thread that dies would take in nothing
                log.warning("the inbox begins anew", error=type(error).__name__, at=places(error))
                self._stopping.wait(self._pause_s)

    def _read_on(self) -> None:
        """Read until the process stops; raises what ends the client."""
        consumer = self._new_consumer(
            {
                **client_settings(self._settings),
                "group.id": GROUP,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "queued.max.messages.kbytes": 32_768,
                "log_level": 2,
            }
        )
        consumer.subscribe(list(self._records))
        records = InboxRecords(self._asker, self._records)
        try:
            while not self._stopping.is_set():
                if records.is_full:
                    self._stopping.wait(self._pause_s)
                else:
                    for message in consumer.consume(BATCH_MAX, timeout=0.2):
                        if not _told_of_error(message):
                            records.add(message)
                ready = records.ready()
                if ready and self._take(ready):
                    self._commit(consumer, records.taken(ready))
                for place in records.to_read_again():
                    consumer.seek(place)
        finally:
            consumer.close()

    def _take(self, records: Sequence[Any]) -> bool:
        """Publish what the records ask for; tries until it worked or the process stops."""
        pause_s = self._pause_s
        while not self._stopping.is_set():
            try:
                words = [self._handed_over(message) for message in records]
                for word in words:
                    word.result(WORD_TIMEOUT_S)
            except (Transient, Permanent, TookTooLong, *REGISTRY_AWAY) as error:
                log.warning("not taken in", error=type(error).__name__, again_in_s=pause_s)
                self._stopping.wait(pause_s)
                pause_s = min(2 * pause_s, PAUSE_MAX_S)
            else:
                return True
        return False

    def _handed_over(self, message: Any) -> Future[Position]:
        """Hand a record's request over; one that the log can't take is rejected."""
        event = self.request_for(message)
        try:
            return self._send(event)
        except Permanent as error:
            given = unreadable(message.topic(), message.partition(), message.offset())
            return self._send(
                self._rejection(given, event.meta.tenant, type(error).__name__, str(error))
            )

    @staticmethod
    def _commit(consumer: Any, ends: Mapping[Partition, int]) -> None:
        mine = {(one.topic, one.partition) for one in consumer.assignment()}
        offsets = [TopicPartition(*place, end) for place, end in ends.items() if place in mine]
        try:
            if offsets:
                consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            log.warning("offsets not committed", error=error.args[0].name())


def _told_of_error(message: Any) -> bool:
    """Say whether a message is an error; one that ends the client is raised."""
    error = message.error()
    if error is None:
        return False
    if ends_client(error):
        raise KafkaException(error)
    log.warning("the broker says", error=error.name())
    return True
