"""Poison that somebody puts on a topic of requests: bytes that no step can read, and records that are not what they say."""

import random
import struct
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from schemas import Ask, DocumentSubmitted, EventRejected, QuestionAsked, Sealed
from streams.log.codec import Codec, open_codec
from streams.log.subjects import open_registry
from streams.log.writing import new_producer
from streams.settings import Settings
from streams.topics import topic_of
from tests.chaos.load import register_lacking
from tests.chaos.poisons.fate import Fate, Poison
from tests.fakes import a_meta

PATIENCE_S = 90.0
LARGE_BYTES = 1_040_000  # what the broker just takes
QUESTIONS = topic_of(QuestionAsked)
DOCUMENTS = topic_of(DocumentSubmitted)
HEADERS = {"traceparent": b"\xff" * 999, "request": b"\0", "retry": b"\xff"}
SEALED = Sealed(key="user/x", event="e", field="text", ciphertext=b"\1" * 40)


class DeadLetters:
    """Reads the dead letters of all lanes as they come."""

    def __init__(self, settings: Settings, codec: Codec) -> None:
        self._codec = codec
        self._consumer = Consumer(
            {"bootstrap.servers": settings.kafka, "group.id": f"poisons-{uuid.uuid4()}"}
        )
        self._consumer.assign(
            [
                TopicPartition(topic_of(EventRejected), lane, OFFSET_BEGINNING)
                for lane in range(settings.partitions)
            ]
        )
        self._letters: dict[tuple[str, int, int], EventRejected] = {}

    def await_letter(self, place: tuple[str, int, int]) -> Fate:
        """Wait for the letter about a record."""
        deadline = time.monotonic() + PATIENCE_S
        while place not in self._letters and time.monotonic() < deadline:
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None:
                letter = self._codec.decode(message.value(), EventRejected)
                self._letters[letter.topic, letter.partition, letter.offset] = letter
        if place not in self._letters:
            return Fate(f"no dead letter in {PATIENCE_S:g} s", told=False)
        about = self._letters[place]
        return Fate(f"dead letter of {about.step}: {about.error}", told=bool(about.message))

    def close(self) -> None:
        """Leave."""
        self._consumer.close()


def record_poisons(
    settings: Settings, tenant: str, lane: int, letters: DeadLetters
) -> Sequence[Poison]:
    """Return poison for a tenant's lane."""
    producer = new_producer(settings, "poisons")
    codec = open_codec(settings)
    known = open_registry(settings).id_of(QuestionAsked.SCHEMA)
    lacking = register_lacking(settings.registry)

    def poison(
        name: str,
        value: Callable[[], bytes | None],
        key: str = tenant,
        topic: str = QUESTIONS,
        headers: Mapping[str, bytes] = MappingProxyType({}),
    ) -> Poison:
        def give() -> Fate:
            offsets: list[int] = []
            producer.produce(
                topic,
                value=value(),
                key=key.encode(),
                partition=lane,
                headers=list(headers.items()),
                on_delivery=lambda _, message: offsets.append(message.offset() or 0),
            )
            producer.flush(PATIENCE_S)
            return letters.await_letter((topic, lane, offsets[0]))

        return Poison(name, give)

    def question(owner: str = tenant, **fields: object) -> bytes:
        meta = a_meta(tenant=owner, session="s", request=str(uuid.uuid4()), lane=lane, **fields)
        return codec.encode(QuestionAsked(meta=meta, subject="x", text=SEALED, ask=Ask()))

    def document() -> bytes:
        meta = a_meta(tenant=tenant, session="s", request=str(uuid.uuid4()), lane=lane)
        return codec.encode(
            DocumentSubmitted(
                meta=meta, document="s", uri="u", media_type="text/plain", content=SEALED
            )
        )

    return (
        poison("bytes that are no Avro", lambda: b"this is no avro"),
        poison("an empty value", lambda: b""),
        poison("no value", lambda: None),
        poison("1,040,000 random bytes", lambda: random.Random(1).randbytes(LARGE_BYTES)),
        poison("an unknown schema id", lambda: struct.pack(">bI", 0, 2_000_000) + b"xyz"),
        poison("a body that is cut off", lambda: struct.pack(">bI", 0, known) + b"\x10abc"),
        poison("a schema that lacks a field", lambda: struct.pack(">bI", 0, lacking)),
        poison("a length of 2^62", lambda: struct.pack(">bI", 0, known) + b"\xfe" * 8 + b"\x7f"),
        poison("another tenant's key", question, "somebody-else"),
        poison("another tenant's record", lambda: question("somebody-else")),
        poison("an id of 900,000 characters", lambda: question(id="x" * 900_000)),
        poison("a question that no key opens", question),
        poison("a document that no key opens", document, tenant, DOCUMENTS),
        poison("headers of nonsense", question, headers=HEADERS),
    )
