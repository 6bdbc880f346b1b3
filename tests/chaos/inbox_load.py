"""The part of the load that comes through the inbox: plain Avro of a foreign producer, some twice, some malformed.

The gateway's process takes it in. What a record becomes follows from its idempotency key, or from its place: so a
record that is read again after a crash, or published again under its key, is the same request.
"""

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError

from schemas import InboxDocument, InboxQuestion, Record
from streams.log.codec import Codec
from streams.log.ids import document_id, request_id
from streams.log.lanes import lane_of
from streams.topics import topic_of
from tests.chaos.judgement import Expected

SHARE = 0.03  # of the other requests
DOCUMENTS = 0.3  # share of these that are documents
KEYED = 0.7  # share with an idempotency key
TWICE = 0.15  # share of these that are published twice
MALFORMED = 0.1  # records that are no requests, for each one that is
TENANT = "inbox-0"
SESSIONS = 10
LONG_CHARS = 20_001  # more than a question may have


@dataclass
class InboxLoad:
    """Publishes to the inbox's topics; the seed decides what."""

    seed: int
    producer: Any
    codec: Codec
    lanes: int
    expected: Expected
    failed: list[str] = field(default_factory=list)
    copies: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(f"inbox {self.seed}")
        self._drawn = 0

    def ask(self) -> None:
        """Publish a record now and then: SHARE of the calls do."""
        chance = self._chance
        if chance.random() >= SHARE:
            return
        self._drawn += 1
        key = str(uuid.UUID(int=chance.getrandbits(128))) if chance.random() < KEYED else ""
        record = self._document(key) if chance.random() < DOCUMENTS else self._question(key)
        for _ in range(2 if key and chance.random() < TWICE else 1):
            self._publish(record, self.codec.encode(record), self._taken(record, key))
        if chance.random() < MALFORMED:
            self._publish(record, self._malformed(record), self._refused)

    def _question(self, key: str) -> InboxQuestion:
        session = f"inbox-{self._chance.randrange(SESSIONS)}"
        return InboxQuestion(
            tenant=TENANT, user="u", session=session, text="a question", idempotency_key=key
        )

    def _document(self, key: str) -> InboxDocument:
        return InboxDocument(
            tenant=TENANT,
            uri=f"{self._chance.randint(1, 3)}:inbox-{self._drawn}",
            media_type="text/plain",
            content=b"a document",
            idempotency_key=key,
        )

    def _malformed(self, record: Any) -> bytes | None:
        whole = self.codec.encode(record)
        match self._chance.randrange(5):
            case 0:
                return b"not Avro at all"
            case 1:
                return whole[: len(whole) // 2]
            case 2:
                return None
            case 3:
                return self.codec.encode(
                    InboxQuestion(tenant="no/tenant", user="u", session="", text="q")
                )
            case _:
                long = InboxQuestion(tenant=TENANT, user="u", session="", text="q" * LONG_CHARS)
                return self.codec.encode(long)

    # ------------------------------------------------------------------ what comes of it

    def _publish(
        self, like: Record, value: bytes | None, told: Callable[[str, int, int], None]
    ) -> None:
        def delivered(error: KafkaError | None, message: Any) -> None:
            if error is not None:
                self.failed.append(f"{message.topic()}: {error.str()}")
            else:
                told(message.topic(), message.partition(), message.offset())

        # the value decides what it is: the topic of another record makes it unreadable, which is right too
        topic, lane = topic_of(like), self._chance.randrange(self.lanes)
        self.producer.produce(topic, value, TENANT.encode(), lane, on_delivery=delivered)

    def _taken(self, record: Any, key: str) -> Callable[[str, int, int], None]:
        def taken(topic: str, lane: int, offset: int) -> None:
            request = request_id(TENANT, f"inbox|{key or f'{topic}|{lane}|{offset}'}")
            session = (
                document_id(TENANT, record.uri)
                if isinstance(record, InboxDocument)
                else record.session
            )
            self.copies += request in self.expected.fates
            lane_it_gets = lane_of(TENANT, session, self.lanes)
            self.expected.fates[request] = lane_it_gets, "either"

        return taken

    def _refused(self, topic: str, lane: int, offset: int) -> None:
        self.expected.unreadable.add((topic, lane, offset))
