"""The load: questions and documents of several tenants, with copies, late, poisoned and unreadable ones among them."""

import heapq
import json
import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from msgspec.structs import replace

from schemas import (
    Ask,
    DocumentSubmitted,
    DocumentWithdrawn,
    Meta,
    QuestionAsked,
    Sealed,
    StepVersion,
)
from schemas.definitions import NAMESPACE, self_contained
from streams.log.clock import now_us
from streams.log.codec import HEADER, Codec
from streams.log.ids import request_id
from streams.log.lanes import lane_of
from streams.settings import Settings
from streams.topics import topic_of
from tests.chaos.fairness import Floods
from tests.chaos.judgement import Expected
from tests.chaos.plan import Plan
from tests.chaos.steps import (
    ORDINARY_DOCUMENTS,
    ORDINARY_QUESTIONS,
    POISON_DOCUMENTS,
    POISON_QUESTIONS,
)

DOCUMENTS = 0.3  # share of requests that are documents
WITHDRAWN = 0.03  # share of documents that are withdrawals; each of a document of its own
POISONED = 0.01  # share of requests that some step can't digest
COPIED = 0.03  # share that is published twice under one id, as by a client that heard nothing
COPY_LATER = (50, 1_000)  # requests in between, for half of the copies; the others follow at once
UNREADABLE = 0.003  # records that are no request, for each one that is
LARGEST = 1_048_000  # bytes of a value: with what surrounds it, as much as the broker takes
UNKNOWN_ID = 2_000_000_000  # of no schema that any registry here has
NEWER = "20"  # ids of requests below it are under newer definitions, where there are any: 1 in 8
IDS_BEYOND = 5_000  # characters
FLOODS_AT = (0.35, 0.7)
"""Shares of the other requests after which one tenant asks much at once."""
FLOOD = 0.03  # share of all requests that are one flood
FLOODING = 0  # number of the tenant: it has all lanes
DAY_US = 86_400_000_000
FLUSH_S = 120.0

QUESTIONS = topic_of(QuestionAsked)
FLOODING_KEY = f"tenant-{FLOODING}".encode()


@dataclass(frozen=True)
class Publication:
    """A record to be published."""

    topic: str
    key: bytes
    lane: int
    value: bytes | None
    request: str
    """Empty for one that can't be read."""


@dataclass
class Load:
    """Draws requests; the seed decides all but their times."""

    plan: Plan
    settings: Settings
    codec: Codec
    expected: Expected = field(default_factory=Expected)
    """What the log must show of those that the broker has acknowledged."""
    asked_s: dict[str, float] = field(default_factory=dict)
    """When each request was first handed to the producer, on the monotonic clock."""
    producer: Any = None
    """Made from the settings where none is given."""
    now_us: Callable[[], int] = now_us
    lacking_id: int = 0
    """Of a registered definition that no record here can be read by; 0: there is none."""
    newer_ids: Sequence[int] = ()
    """Of newer definitions of a question, which no worker has met yet; they come one after the other."""

    def __post_init__(self) -> None:
        self._chance = random.Random(f"load {self.plan.seed}")
        self._later: list[tuple[int, int, Publication]] = []
        self._fates: dict[str, str] = {}
        self._drawn = 0
        self.published = self.copies = 0
        self.failed: list[str] = []
        self.floods = Floods()
        flood = int(self.plan.requests * FLOOD)
        self.steady = self.plan.requests - flood * len(FLOODS_AT)
        """Requests that come at a steady rate."""
        self._floods = {max(1, int(self.steady * share)): flood for share in FLOODS_AT}
        if self.producer is not None:
            return
        self.producer = Producer(
            {
                "bootstrap.servers": self.settings.kafka,
                "acks": "all",
                "enable.idempotence": True,
                "message.timeout.ms": 0,  # never given up: the broker comes back
                "linger.ms": 5,
                "message.max.bytes": 1_048_576,
                "log_level": 0,
            }
        )

    def ask(self) -> None:
        """Publish the next request and what is due with it; delivered later where the broker is away."""
        for record in self._due():
            self._hand_over(record)
            if record.topic == QUESTIONS and record.request and record.key != FLOODING_KEY:
                self.floods.neighbours.add(record.request)
        if flood := self._floods.get(self._drawn, 0):
            self.floods.at_s.append(time.monotonic())
            self.floods.requests.append({self._ask_for_the_flood() for _ in range(flood)})

    def _ask_for_the_flood(self) -> str:
        record = self._flooding(random.Random(self._chance.getrandbits(64)))
        self.expected.flood.add(record.request)
        self._hand_over(record)
        return record.request

    def _hand_over(self, record: Publication) -> None:
        if record.request:
            self.asked_s.setdefault(record.request, time.monotonic())
        self._produce(record)

    def poll(self) -> None:
        """Take in acknowledgements."""
        self.producer.poll(0)

    def flush(self) -> int:
        """Publish all copies still due and wait for the broker; returns how many it did not take."""
        while self._later:
            self._produce(heapq.heappop(self._later)[2])
        return self.producer.flush(FLUSH_S)

    def _produce(self, record: Publication) -> None:
        def delivered(error, message) -> None:
            if error:
                self.failed.append(f"{record.topic}[{record.lane}]: {error.str()}")
                return
            self.published += 1
            if not record.request:
                self.expected.unreadable.add((record.topic, record.lane, message.offset()))
            elif record.request in self.expected.fates:
                self.copies += 1
            else:
                self.expected.fates[record.request] = record.lane, self._fates[record.request]

        while True:
            try:
                self.producer.produce(
                    record.topic, record.value, record.key, record.lane, on_delivery=delivered
                )
            except BufferError:
                self.producer.poll(0.1)
            else:
                return

    # ------------------------------------------------------------------ drawing

    def _due(self) -> Iterator[Publication]:
        chance, self._drawn = self._chance, self._drawn + 1
        draw = self._document if chance.random() < DOCUMENTS else self._question
        state = chance.getrandbits(64)
        record = draw(random.Random(state))
        yield record
        if chance.random() < COPIED:
            copy = draw(random.Random(state))  # the same request at another time
            later = chance.choice((0, chance.randint(*COPY_LATER)))
            heapq.heappush(self._later, (self._drawn + later, self._drawn, copy))
        if chance.random() < UNREADABLE:
            yield self._unreadable(record)
        while self._later and self._later[0][0] <= self._drawn:
            yield heapq.heappop(self._later)[2]

    def _meta(self, chance: random.Random, tenant: int, session: str) -> Meta:
        name = f"tenant-{tenant}"
        # one tenant has all lanes, one has half of them, the others have one each
        lanes = self.settings.partitions
        owned = {0: lanes, 1: max(1, lanes // 2)}.get(tenant, 1)
        lane = lane_of(name, session, lanes, owned)
        request = request_id(name, str(uuid.UUID(int=chance.getrandbits(128), version=4)))
        return Meta(
            id=request,
            tenant=name,
            lane=lane,
            request=request,
            session=session,
            at=self.now_us(),
            step=StepVersion(name="chaos", code="chaos", configuration=""),
        )

    def _what(self, chance: random.Random, ordinary: tuple[str, ...], weights, poison) -> str:
        if chance.random() < POISONED:
            return chance.choice(poison)
        return chance.choices(ordinary, weights)[0]

    def _expect(self, request: str, what: str, poison: tuple[str, ...]) -> None:
        if what in poison:
            self._fates[request] = "rejected"
        else:
            self._fates[request] = "either" if self.plan.outage else "answered"

    def _record(self, event: QuestionAsked | DocumentSubmitted | DocumentWithdrawn) -> Publication:
        meta = event.meta
        value = self.codec.encode(event)
        if self.newer_ids and isinstance(event, QuestionAsked) and meta.request < NEWER:
            at = (self._drawn - 1) * len(self.newer_ids) // self.plan.requests
            value = under(self.newer_ids[min(at, len(self.newer_ids) - 1)], value)
        return Publication(topic_of(event), meta.tenant.encode(), meta.lane, value, meta.request)

    def _flooding(self, chance: random.Random) -> Publication:
        """Draw a question of the tenant that floods: an ordinary one, in a session of its own kind."""
        session = f"flood-{chance.randrange(self.plan.sessions)}"
        return self._asked(chance, FLOODING, session, "hop")

    def _question(self, chance: random.Random) -> Publication:
        number = chance.randrange(self.plan.sessions)
        what = self._what(chance, ORDINARY_QUESTIONS, (75, 24, 1), POISON_QUESTIONS)
        return self._asked(chance, number % self.plan.tenants, f"session-{number}-{what}", what)

    def _asked(self, chance: random.Random, tenant: int, session: str, what: str) -> Publication:
        # the subject says what becomes of it, and a conversation is one subject's
        meta = self._meta(chance, tenant, session)
        self._expect(meta.request, what, POISON_QUESTIONS)
        if what.startswith("late"):
            deadline = meta.at - DAY_US  # late by every worker's clock
        elif self.plan.outage:
            deadline = meta.at + 30_000_000  # as the gateway sets it
        else:
            deadline = chance.choice((0, meta.at + 2 * DAY_US))  # late by no worker's clock
        sealed = Sealed(key="user/u", event=meta.id, field="text", ciphertext=b"c" * 20)
        ask = Ask(deadline=deadline)
        return self._record(QuestionAsked(meta=meta, subject=what, text=sealed, ask=ask))

    def _document(self, chance: random.Random) -> Publication:
        number = chance.randrange(self.plan.documents)
        tenant = number % self.plan.tenants
        if chance.random() < WITHDRAWN:
            meta = self._meta(chance, tenant, f"withdrawn-{number}")
            self._expect(meta.request, "plain", POISON_DOCUMENTS)
            return self._record(DocumentWithdrawn(meta=meta, document=meta.session))
        meta = self._meta(chance, tenant, f"document-{number}")
        what = self._what(chance, ORDINARY_DOCUMENTS, (99, 1), POISON_DOCUMENTS)
        self._expect(meta.request, what, POISON_DOCUMENTS)
        sealed = Sealed(key="document/d", event=meta.id, field="content", ciphertext=b"c" * 40)
        batches = chance.choices((1, 2, 3), (70, 20, 10))[0]
        return self._record(
            DocumentSubmitted(
                meta=meta,
                document=meta.session,
                uri=f"{batches}:{what}",
                media_type="text/plain",
                content=sealed,
                metadata={},
            )
        )

    def _unreadable(self, like: Publication) -> Publication:
        """Spoil a request so that no step may run over it."""
        assert like.value is not None
        topic, key, lane, value = like.topic, like.key, like.lane, like.value
        match self._chance.randrange(9):
            case 0:
                return Publication(topic, key, lane, b"not Avro at all", "")
            case 1:
                return Publication(topic, key, lane, value[: len(value) // 2], "")
            case 2:
                return Publication(topic, key, lane, None, "")
            case 3:
                return Publication(topic, b"another tenant", lane, value, "")
            case 4:
                return Publication(topic, key, (lane + 1) % self.settings.partitions, value, "")
            case 5:
                return Publication(topic, key, lane, self._chance.randbytes(LARGEST), "")
            case 6:
                return Publication(topic, key, lane, under(UNKNOWN_ID, value), "")
            case 7 if self.lacking_id:
                return Publication(topic, key, lane, under(self.lacking_id, value), "")
            case _:
                return Publication(topic, key, lane, self._with_long_ids(topic, value), "")

    def _with_long_ids(self, topic: str, value: bytes) -> bytes:
        """Give a request ids that no outcome can carry."""
        event: Any = self.codec.decode_any(value)
        return self.codec.encode(replace(event, meta=replace(event.meta, session="s" * IDS_BEYOND)))


def under(schema_id: int, value: bytes) -> bytes:
    """Put a record under another schema id."""
    return HEADER.pack(0, schema_id) + value[HEADER.size :]


def register_lacking(registry: str) -> int:
    """Register a definition of a question that lacks what has no default; return its id."""
    definition = {
        "type": "record",
        "name": QuestionAsked.SCHEMA,
        "namespace": NAMESPACE,
        "fields": [{"name": "nothing", "type": "null"}],
    }
    return _register(registry, "chaos-lacking", definition)


def register_newer(registry: str, number: int) -> int:
    """Register a newer definition of a question, with a field that takes no byte; return its id."""
    ours = self_contained(QuestionAsked.SCHEMA)
    more = {"name": f"chaos_{number}", "type": "null", "default": None}
    return _register(registry, f"chaos-newer-{number}", {**ours, "fields": [*ours["fields"], more]})


def _register(registry: str, subject: str, definition: dict[str, Any]) -> int:
    client = SchemaRegistryClient({"url": registry})
    return client.register_schema(subject, Schema(json.dumps(definition), "AVRO"))
