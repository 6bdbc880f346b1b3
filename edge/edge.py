"""The edge without its protocols: take requests in, follow what becomes of them.

HTTP, server-sent events and WebSocket are three ways to call this one class.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from weakref import WeakValueDictionary

from agents.errors import KeyDestroyed, Permanent, Transient
from agents.placeholders import restore
from edge.admission import Admission, OpenPositions, refused
from edge.catalogue import Asked, Document, Documents, asked_of
from edge.catalogue import Requests as KnownRequests
from edge.entries import RESULTS, Dispatch, Entry, Gap, Subscription
from edge.idempotency import Idempotency
from edge.keys import ApiKey, ApiKeys
from edge.log_reader import Log
from edge.measures import gauges
from edge.problems import (
    Problem,
    forbidden,
    not_found,
    overloaded,
    too_many,
    unauthorized,
)
from edge.producer import (
    DELIVERY_TIMEOUT_S,
    Position,
    Refused,
    Requests,
    Sealer,
    TooLarge,
    session_of,
)
from edge.stream import (
    Answering,
    Frame,
    in_reading_order,
    positions_of,
    problem_of,
)
from schemas import (
    Ask,
    ChunksRetrieved,
    DocumentSubmitted,
    DocumentWithdrawn,
    Event,
    EventRejected,
    MapEntry,
    Passage,
    QuestionAsked,
)
from streams.log.ids import document_id, request_id
from streams.log.lanes import lane_of
from streams.operations.timeline import timeline
from streams.running.live import now_us
from streams.settings import Settings
from streams.topics import DERIVED, REQUESTS
from streams.watching.tracing import trace_id_of

FOLLOWED_MAX = 1_024
"""Requests followed at once by one process: a bound on memory, above what is taken in at once."""
FOLLOWED_PER_KEY_MAX = 256
"""Requests followed at once by one key: one tenant must not use up the process."""
CONNECTIONS_MAX = 4_096
"""WebSockets of one process; each holds two queues and a few tasks."""
CONNECTIONS_PER_KEY_MAX = 1_024
"""WebSockets of one key."""
TIDY_S = 3_600.0
"""How often what is remembered for a time is looked through."""
GRACE_S = 2.0
"""How long after the deadline an outcome may still arrive: steps degrade at the deadline."""
SETTLE_S = 2.0
"""How long a closing record waits for text that it closes before it stands alone."""
LATE_S = 60.0
"""How long a WebSocket keeps listening for a retraction after an answer was closed."""

TICK_S = 0.5
"""How often a waiting reader looks at the clock."""

T = TypeVar("T")


@dataclass(frozen=True)
class Caller:
    """Who calls, as the key says."""

    key: str
    tenant: str
    user: str
    subject: str
    """Keyed digest of the user."""
    scopes: frozenset[str]
    groups: tuple[str, ...]

    def need(self, scope: str) -> None:
        """Raise Problem unless the key has a scope."""
        if scope not in self.scopes:
            raise forbidden(
                f"this key lacks the scope {scope}: create one with `playhead keys create "
                f"--tenant {self.tenant} --scopes {scope}`"
            )

    def may_see(self, kind: str) -> bool:
        """Tell whether values of a type are restored: not unless a scope says so."""
        return "restore" in self.scopes or f"restore:{kind}" in self.scopes


class Publishes(Protocol):
    """What the edge needs of the publisher."""

    def send(self, event: Event) -> Future[Position]:
        """Publish an event; the future ends once the broker has it."""

    @property
    def unsent(self) -> int:
        """Records that the broker has not acknowledged yet."""

    def close(self) -> None:
        """Wait for what is under way."""


@dataclass
class Edge:
    """Takes requests in and follows them; lives on one event loop."""

    settings: Settings
    keyring: Sealer
    keys: ApiKeys
    idempotency: Idempotency
    publisher: Publishes
    log: Log
    positions: OpenPositions
    requests: KnownRequests = field(default_factory=KnownRequests)
    documents: Documents = field(default_factory=Documents)
    stopping: bool = False
    late_s: float = LATE_S

    def __post_init__(self) -> None:
        self.build = Requests(self.settings, self.keyring, edge="gateway")
        self.admission = Admission(self.settings)
        self.dispatch = Dispatch(
            (self.requests.take, self.documents.take, self.admission.take), self.admission.awaits
        )
        self._followed: Counter[str] = Counter()
        self._connected: Counter[str] = Counter()
        self._tasks: list[asyncio.Task[None]] = []
        self._taking: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    def start(self) -> None:
        """Begin to read the log, on the running loop."""
        self.log.start(self.dispatch)
        gauges.watch(self)
        self._tasks = [
            asyncio.create_task(self.admission.watch(self.positions)),
            asyncio.create_task(self._tidy()),
        ]

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(TIDY_S)
            await asyncio.to_thread(self.idempotency.forget_old)

    async def stop(self) -> None:
        """Stop reading and close the stores."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.log.stop()
        await asyncio.to_thread(self.publisher.close)
        self.keys.close()
        self.idempotency.close()

    async def ready(self) -> dict[str, str]:
        """Return what keeps the edge from serving; empty when it is ready."""
        missing = {}
        if self.stopping:
            missing["gateway"] = "it is shutting down"
        if not self.log.ready:
            missing["log"] = "the log is still being read"
        if not await self.log.reachable():
            missing["kafka"] = f"no broker answers at {self.settings.kafka}"
        return missing

    # ------------------------------------------------------------------ who calls

    async def caller(self, secret: str) -> Caller:
        """Return who a key belongs to; raises Problem."""
        found: ApiKey | None = await asyncio.to_thread(self.keys.find, secret) if secret else None
        if found is None:
            raise unauthorized(
                "no valid key: send `Authorization: Bearer KEY`; `playhead keys create --tenant T` "
                "makes one"
            )
        return Caller(
            key=found.id,
            tenant=found.tenant,
            user=found.user,
            subject=await asyncio.to_thread(self.build.subject, found.tenant, found.user),
            scopes=frozenset(found.scopes),
            groups=found.groups,
        )

    # ------------------------------------------------------------------ taking requests in

    async def ask(
        self,
        caller: Caller,
        *,
        text: str,
        session: str = "",
        ask: Ask | None = None,
        budget_ms: int | None = None,
        fingerprint: str = "",
        trace: str = "",
        on_asked: Callable[[Asked], Any] = lambda _: None,
    ) -> Asked:
        """Put a question on the log; `on_asked` is called before, so that no outcome is missed."""
        budget = self.settings.deadline_ms if budget_ms is None else budget_ms
        wanted = ask or Ask()
        wanted = Ask(
            mode=wanted.mode,
            passages_max=wanted.passages_max,
            max_tokens=wanted.max_tokens,
            deadline=now_us() + budget * 1_000,
            filters=wanted.filters,
            groups=caller.groups,
            response_schema=wanted.response_schema,
            as_of=wanted.as_of,
        )
        # named here, so that the lane is known before anything is sealed
        fingerprint = fingerprint or str(uuid.uuid4())
        request = request_id(caller.tenant, fingerprint)
        session = session or session_of(request)
        with self.admission.question(
            request,
            caller.tenant,
            self._lane(caller, session),
            budget / 1_000,
            grace_s=GRACE_S,
            search=wanted.mode == "search",
        ):
            event = await self._build(
                lambda: self.build.question(
                    caller.tenant,
                    user=caller.user,
                    text=text,
                    session=session,
                    ask=wanted,
                    fingerprint=fingerprint,
                    trace=trace,
                )
            )
            if not self.requests.claim(caller.tenant, session, caller.subject):
                raise forbidden(
                    "this session belongs to another user: leave session_id out for a new one"
                )
            on_asked(asked_of(event, event.meta.at // 1_000))
            return await self._publish(event, budget / 1_000 + GRACE_S)

    def _lane(self, caller: Caller, session: str) -> int:
        return lane_of(caller.tenant, session, self.settings.partitions)

    async def submit(self, caller: Caller, **document: Any) -> tuple[Asked, str]:
        """Put a document on the log; returns the request and the document's id."""
        identity = document_id(caller.tenant, document["uri"])
        self.admission.document(self._lane(caller, identity))
        event = await self._build(lambda: self.build.document(caller.tenant, **document))
        return await self._publish(event), event.document

    async def withdraw(self, caller: Caller, document: str, **more: str) -> Asked:
        """Put the withdrawal of a document on the log; raises Problem for an unknown one."""
        self.document(caller, document)
        self.admission.withdrawal()
        event = await self._build(
            lambda: self.build.withdrawal(caller.tenant, document=document, **more)
        )
        return await self._publish(event)

    async def once(
        self,
        caller: Caller,
        key: str,
        body: bytes,
        known: Callable[[str], T | None],
        make: Callable[[str], Any],
    ) -> tuple[T, bool]:
        """Take a request in once for each idempotency key; True where it is a repeat.

        `make` is given the fingerprint and takes the request in; `known` finds an earlier one.
        Without a key, every request is a new one.
        """
        if not key:
            return await make(""), False
        scope = f"{caller.tenant}|{caller.subject}"
        fingerprint = f"{caller.subject}|{key}"
        digest = await asyncio.to_thread(self.keyring.digest, caller.tenant, body)
        async with self._taking.setdefault((scope, key), asyncio.Lock()):
            if await asyncio.to_thread(self.idempotency.begin, scope, key, digest):
                earlier = known(fingerprint)
                if earlier is not None:
                    return earlier, True
            taken: T = await make(fingerprint)
            await asyncio.to_thread(self.idempotency.taken, scope, key)
            return taken, False

    async def _build(self, build: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(build)
        except TooLarge as error:
            raise Problem(413, "too-large", str(error)) from None
        except Refused as error:
            raise Problem(422, "invalid", str(error)) from None
        except KeyDestroyed:
            raise Problem(
                410, "erased", "the key of this person or document was destroyed: it was erased"
            ) from None
        except Transient as error:
            raise overloaded(str(error)) from None

    async def _publish(
        self,
        event: QuestionAsked | DocumentSubmitted | DocumentWithdrawn,
        limit_s: float = DELIVERY_TIMEOUT_S + 5,
    ) -> Asked:
        try:
            sent = await asyncio.to_thread(self.publisher.send, event)
            async with asyncio.timeout(min(limit_s, DELIVERY_TIMEOUT_S + 5)):
                position = await asyncio.wrap_future(sent)
        except (Transient, TimeoutError) as error:
            raise self.admission.not_published(str(error)) from None
        asked = asked_of(event, position.time_ms)
        entry = Entry(event, position.partition, position.offset, position.time_ms)
        self.requests.take(entry)
        self.documents.take(entry)
        return asked

    # ------------------------------------------------------------------ following them

    def question(self, caller: Caller, request: str) -> Asked:
        """Return a question of this caller; raises Problem for an unknown one or another's."""
        found = self.asked(caller, request)
        if not found.subject:
            raise not_found(f"request {request[:64]!r} is about a document: it has no answer")
        return found

    def asked(self, caller: Caller, request: str) -> Asked:
        """Return a request of this caller, or about a document of the tenant; raises Problem."""
        found = self.requests.find(request)
        if (
            found is None
            or found.tenant != caller.tenant
            or (found.subject and found.subject != caller.subject)
        ):
            raise not_found(f"no request {request[:64]!r} of this user")
        return found

    @contextmanager
    def followed(self, caller: Caller) -> Iterator[None]:
        """Count a request that is followed; raises Problem when there are too many."""
        with self._counted(
            self._followed, caller, FOLLOWED_MAX, FOLLOWED_PER_KEY_MAX, "requests under way"
        ):
            yield

    @contextmanager
    def connected(self, caller: Caller) -> Iterator[None]:
        """Count a connection; raises Problem when there are too many."""
        with self._counted(
            self._connected, caller, CONNECTIONS_MAX, CONNECTIONS_PER_KEY_MAX, "open connections"
        ):
            yield

    @contextmanager
    def _counted(
        self, counts: Counter[str], caller: Caller, most: int, most_of_key: int, what: str
    ) -> Iterator[None]:
        if counts.total() >= most:
            raise refused(overloaded(f"the gateway has too many {what}: try again shortly"), "held")
        if counts[caller.key] >= most_of_key:
            raise refused(
                too_many(f"this key has {counts[caller.key]} {what}: wait for one to end"), "held"
            )
        counts[caller.key] += 1
        try:
            yield
        finally:
            counts[caller.key] -= 1
            if not counts[caller.key]:
                del counts[caller.key]

    @property
    def following(self) -> int:
        """How many requests are followed."""
        return self._followed.total()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return self._connected.total()

    def answering(self, caller: Caller, asked: Asked, cursor: str = "") -> Answering:
        """Begin to turn the records of a request into frames for a reader."""
        seen = positions_of(cursor, asked.lane) if cursor else {}
        return Answering(
            asked.request,
            asked.session,
            asked.lane,
            lambda entries: self.reveal(caller, entries),
            seen,
        )

    async def follow(
        self,
        asked: Asked,
        answering: Answering,
        subscription: Subscription,
        *,
        from_log: bool,
        late_s: float = 0.0,
    ) -> AsyncGenerator[Frame, None]:
        """Yield frames until the answer is closed, and for `late_s` more: it may be retracted.

        Raises Problem when the deadline has passed, the reader is too slow or the edge stops; in
        each case the reader can come back with its cursor.
        """
        if from_log:
            entries = await self._read_back(asked, RESULTS)
            for entry in in_reading_order(entries, answering.seen):
                for frame in answering.take(entry):
                    yield frame
        deadline = time.monotonic() + self.seconds_left(asked)
        late: float | None = None
        held_since: float | None = None
        while True:
            now = time.monotonic()
            if answering.settled:
                late = late or now + late_s
                if now >= late:
                    return
            elif now > deadline:
                raise Problem(
                    504,
                    "deadline-passed",
                    "no answer within the budget; it may still come: "
                    f"GET /v1/messages/{asked.request}",
                    retryable=True,
                    request_id=asked.request,
                )
            if self.stopping:
                raise overloaded("the gateway is shutting down: resume from the last cursor")
            held_since = (held_since or now) if answering.held else None
            if held_since is not None and now - held_since > SETTLE_S:
                for frame in answering.settle():
                    yield frame
                continue
            try:
                entry = await subscription.next(TICK_S)
            except TimeoutError:
                continue
            except Gap:
                raise overloaded(
                    "the stream was interrupted, or read too slowly: resume from the last cursor"
                ) from None
            for frame in answering.take(entry):
                yield frame

    def seconds_left(self, asked: Asked) -> float:
        """How long an outcome may take from now, a grace period included."""
        if asked.deadline_us <= 0:
            return self.settings.deadline_ms / 1_000 + GRACE_S
        return max(0.0, (asked.deadline_us - now_us()) / 1_000_000) + GRACE_S

    async def answer_so_far(self, caller: Caller, asked: Asked) -> dict[str, Any]:
        """Return what the log holds of an answer."""
        answering = self.answering(caller, asked)
        for entry in in_reading_order(await self._read_back(asked, RESULTS), {}):
            answering.take(entry)
        if answering.held:
            answering.settle()
        return answering.snapshot()

    async def timeline(self, asked: Asked) -> dict[str, Any]:
        """Return every step of a request with its times and effects, read from `meta` alone."""
        kinds: list[type[Event]] = [
            topic.record for topic in (*REQUESTS[:3], *DERIVED) if issubclass(topic.record, Event)
        ]
        entries = await self._read_back(asked, [*kinds, EventRejected])
        steps = timeline(entry.event for entry in entries)
        began = min((step.began_us for step in steps), default=0)
        return {
            "request_id": asked.request,
            "session_id": asked.session,
            "trace_id": trace_id_of(asked.trace),
            "records": len(entries),
            "took_ms": round((max((s.ended_us for s in steps), default=began) - began) / 1_000, 3),
            "cost_micros": sum(step.cost_micros for step in steps),
            "steps": [
                {**step.as_json(), "after_ms": round((step.began_us - began) / 1_000, 3)}
                for step in steps
            ],
        }

    async def passages(
        self, caller: Caller, asked: Asked, subscription: Subscription, *, from_log: bool
    ) -> list[dict[str, Any]]:
        """Wait for the passages of a search; raises Problem."""
        entries = await self._read_back(asked, RESULTS) if from_log else []
        deadline = time.monotonic() + self.seconds_left(asked)
        while True:
            for entry in entries:
                event = entry.event
                if isinstance(event, EventRejected):
                    raise problem_of(event)
                if isinstance(event, ChunksRetrieved):
                    if event.outcome == "refused":
                        raise Problem(422, "refused", event.reason, request_id=asked.request)
                    return [self._passage(caller, passage) for passage in event.passages]
            left = deadline - time.monotonic()
            if left <= 0:
                raise Problem(
                    504,
                    "deadline-passed",
                    "no passages within the budget: try again, or raise budget_ms",
                    retryable=True,
                    request_id=asked.request,
                )
            try:
                entries = [await subscription.next(min(left, TICK_S))]
            except TimeoutError:
                entries = []
            except Gap:
                entries = await self._read_back(asked, RESULTS)

    async def _read_back(self, asked: Asked, kinds: Sequence[type[Event]]) -> list[Entry]:
        try:
            return await self.log.read_back(asked, kinds)
        except Transient as error:
            raise overloaded(str(error)) from None

    # ------------------------------------------------------------------ what a reader may see

    def reveal(self, caller: Caller, entries: Iterable[MapEntry]) -> Mapping[str, str]:
        """Open the values that a reader may see; what can't be opened keeps its placeholder."""
        values: dict[str, str] = {}
        for entry in entries:
            if not caller.may_see(entry.kind):
                continue
            try:
                value = self.keyring.unseal(caller.tenant, entry.value)
            except (Permanent, Transient):
                continue  # erased, or not to be had at the moment: fail closed
            values[entry.placeholder] = value.decode("utf-8", "replace")
        return values

    def _passage(self, caller: Caller, passage: Passage) -> dict[str, Any]:
        values = self.reveal(caller, passage.entries)
        return {
            "document_id": passage.document,
            "chunk_id": passage.chunk,
            "title": restore(passage.title, values),
            "uri": passage.uri,
            "text": restore(passage.text, values),
            "score": passage.score,
        }

    # ------------------------------------------------------------------ documents

    def document(self, caller: Caller, document: str) -> Document:
        """Return a document that the caller may know of; raises Problem."""
        found = self.documents.find(caller.tenant, document)
        if found is None or not self._may_read(caller, found):
            raise not_found(f"no document {document[:64]!r} in this tenant")
        return found

    def all_documents(self, caller: Caller) -> list[Document]:
        """List the documents that the caller may know of, by id."""
        return [
            document
            for document in self.documents.all(caller.tenant)
            if self._may_read(caller, document)
        ]

    def title(self, caller: Caller, document: Document) -> str | None:
        """Return a document's title; None where it has none or the reader may not see it."""
        if document.title is None or "restore" not in caller.scopes:
            return None
        try:
            return self.keyring.unseal(caller.tenant, document.title).decode("utf-8", "replace")
        except (Permanent, Transient):
            return None

    @staticmethod
    def _may_read(caller: Caller, document: Document) -> bool:
        return (
            not document.groups
            or "write" in caller.scopes
            or bool(set(document.groups) & set(caller.groups))
        )
