"""A log in memory for the edge: what is published lies on it, and a script answers."""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from agents.errors import Transient
from connectors.keyring import Keyring
from edge.answering.bounds import Bounds
from edge.callers.api_keys import DEFAULT_SCOPES, ApiKeys
from edge.erasing.erasure_desk import ErasureDesk
from edge.gateway.gateway import Gateway
from edge.gateway.idempotency import Idempotency
from edge.listening.entries import HISTORY, Dispatch, Entry
from edge.listening.log_index import LogIndex
from edge.reviewing.review_reader import turns_of
from schemas import (
    Answer,
    AnswerJudged,
    AnswerReleased,
    AnswerRetracted,
    Batch,
    Cause,
    Citation,
    Event,
    MapEntry,
    QueryRewritten,
    QuestionAsked,
    StepVersion,
    TokensReleased,
    Turn,
    Usage,
    Verdict,
)
from streams.log.ids import outcome_id
from streams.log.offsets import NoAnswer, Partition
from streams.log.writing import Position
from streams.operations.erasures.erasure_log import TELLING, ErasureLog
from streams.operations.lag import Lag
from streams.operations.reviews.review_queue import ReviewQueue
from streams.settings import Settings
from streams.topics import topic_of
from tests.fakes import a_codec, a_meta


class FakeLog:
    """Both the log that the edge reads and the publisher that it writes with."""

    def __init__(self) -> None:
        self.entries: defaultdict[str, list[Entry]] = defaultdict(list)
        self.answer: Callable[[Event], Sequence[Event]] = lambda _: ()
        self.ready = True
        self.left_s = 0.0
        """In how many seconds history will have been read, where that goes on while it is ready."""
        self.broker = True
        self.read_at_once: list[int] = []
        """How many requests each reading of several read."""
        self.behind: Sequence[Lag] = ()
        self.oldest: dict[Partition, int] = {}
        self.configurations = {"c": {"review": {"share": 1.0}}}
        self.write_index: Callable[[], Any] = lambda: None
        self.time_ms = 1_700_000_000_000
        self._dispatch: Dispatch | None = None
        self._loop: Any = None
        self._lock = threading.Lock()
        self._readers = [self]

    def beside(self) -> FakeLog:
        """The same log, as another gateway reads and writes it."""
        other = FakeLog()
        other.entries, other._lock, other._readers = self.entries, self._lock, self._readers
        other.answer, other.time_ms = self.answer, self.time_ms
        self._readers.append(other)
        return other

    # what the edge reads

    @property
    def knows_all(self) -> bool:
        return self.ready and not self.left_s

    def start(self, dispatch: Dispatch) -> None:
        import asyncio

        self._dispatch, self._loop = dispatch, asyncio.get_running_loop()

    async def read_back(self, request: Any, kinds: Any) -> list[Entry]:
        if not self.broker:
            raise Transient("the log can't be read at the moment")
        return [
            entry
            for kind in kinds
            for entry in self.entries[topic_of(kind)]
            if entry.event.meta.request == request.request
            and entry.event.meta.tenant == request.tenant
            and entry.partition == request.lane
        ]

    async def questions(self, requests: Any) -> dict[str, QuestionAsked]:
        if not self.broker:
            raise Transient("the log can't be read at the moment")
        asked = [(one, await self.read_back(one, [QuestionAsked])) for one in requests]
        return {one.request: entries[0].event for one, entries in asked if entries}

    async def read_back_many(self, requests: Any, kinds: Any) -> dict[Any, list[Entry]]:
        self.read_at_once.append(len(requests))
        return {one.whose: await self.read_back(one, kinds) for one in requests}

    async def reachable(self) -> bool:
        return self.broker

    async def stop(self) -> None:
        self._dispatch = None

    # what the edge writes

    def send(self, event: Event) -> Future[Position]:
        if not self.broker:
            raise Transient("the broker did not take a record: try again")
        entry = self.append(event)
        done: Future[Position] = Future()
        done.set_result(Position(topic_of(event), entry.partition, entry.offset, entry.time_ms))
        for outcome in self.answer(event):
            self.append(outcome)
        return done

    @property
    def unsent(self) -> int:
        return 0

    def close(self) -> None:
        pass

    # how far the steps are behind

    async def lags(self, wanted: Any) -> list[Lag]:
        if not self.broker:
            raise NoAnswer("the fake says so")
        return list(self.behind)

    async def oldest_ms(self, lags: Any) -> dict[Partition, int]:
        return dict(self.oldest)

    @contextlib.asynccontextmanager
    async def lag_reader(self) -> AsyncIterator[FakeLog]:
        yield self

    def append(self, event: Event) -> Entry:
        """Put an event on the log, as a step would."""
        with self._lock:
            lane = self.entries[topic_of(event)]
            entry = Entry(event, event.meta.lane, len(lane), self.time_ms)
            lane.append(entry)
        for reader in self._readers:
            reader._tell(event, entry)
        return entry

    def _tell(self, event: Event, entry: Entry) -> None:
        dispatch = self._dispatch
        wanted = isinstance(event, HISTORY) or (dispatch and dispatch.is_awaited(entry.whose))
        if dispatch is not None and wanted:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._hand, dispatch, entry)

    def _hand(self, dispatch: Dispatch, entry: Entry) -> None:
        dispatch.take([entry])
        self.write_index()

    def tick(self) -> None:
        """Let a second pass on the broker's clock."""
        self.time_ms += 1_000

    # what reviewers read

    def queue(self, tenant: str) -> ReviewQueue:
        if not self.broker:
            raise Transient("the log can't be read at the moment")
        queue = ReviewQueue(tenant, self.configurations.get)
        for kind in (AnswerReleased, AnswerRetracted, AnswerJudged):
            for entry in self.entries[topic_of(kind)]:
                queue.take(entry.event)
        return queue

    def turns(self, query: QueryRewritten) -> tuple[Turn, ...]:
        return turns_of(a_codec(), query.meta.effects)

    def told_of_erasures(self) -> ErasureLog:
        if not self.broker:
            raise Transient("the log can't be read at the moment")
        told = ErasureLog()
        for kind in TELLING:
            for entry in self.entries[topic_of(kind)]:
                told.take(entry.event, topic_of(kind), entry.partition, entry.offset)
        return told

    def published(self, kind: type[Any]) -> list[Any]:
        return [entry.event for entry in self.entries[topic_of(kind)]]


class Answers:
    """Builds what moderation would write for a question."""

    def __init__(self, question: QuestionAsked) -> None:
        self.question = question
        self._input = 0

    def meta(self, step: str, cause: int, ordinal: int = 0, attempt: int = 1) -> Any:
        given = self.question.meta
        cause_id = f"{given.id}|{cause}"
        return a_meta(
            tenant=given.tenant,
            session=given.session,
            request=given.request,
            id=outcome_id(cause_id, step, ordinal),
            lane=given.lane,
            attempt=attempt,
            ordinal=ordinal,
            step=StepVersion(name=step, code="test", configuration="c"),
            cause=Cause(
                topic="playhead.tokens.generated", partition=given.lane, offset=cause, id=cause_id
            ),
        )

    def tokens(self, text: str, cause: int, **more: Any) -> TokensReleased:
        attempt = more.pop("attempt", 1)
        entries = more.pop("entries", ())
        return TokensReleased(
            meta=self.meta("moderate", cause, attempt=attempt),
            batch=Batch(number=cause, last=False),
            text=text,
            entries=entries,
            subject=self.question.subject,
            **more,
        )

    def released(self, text: str, cause: int, **more: Any) -> AnswerReleased:
        citations = more.pop("citations", ())
        return AnswerReleased(
            meta=self.meta("moderate", cause, ordinal=1),
            text=text,
            answer=Answer(
                text=text,
                citations=citations,
                usage=Usage(prompt_tokens=7, completion_tokens=3),
                finish_reason="stop",
                question="q",
                query="q",
            ),
            verdict=Verdict(allowed=True),
            subject=self.question.subject,
            **more,
        )

    def retracted(self, reason: str, cause: int) -> AnswerRetracted:
        return AnswerRetracted(
            meta=self.meta("moderate", cause, ordinal=2),
            reason=reason,
            verdict=Verdict(allowed=False, categories=("test",)),
            subject=self.question.subject,
        )

    def whole(self, *texts: str, **more: Any) -> list[Event]:
        """An answer in the given stretches; its values come with the first."""
        entries = more.pop("entries", ())
        stretches: list[Event] = [
            self.tokens(text, n, entries=() if n else entries) for n, text in enumerate(texts)
        ]
        return [*stretches, self.released("".join(texts), len(texts) - 1, **more)]


def a_citation() -> Citation:
    return Citation(document="d-1", chunk="c-1", title="VAT", uri="file:vat", quote="VAT is due.")


def an_entry(keyring: Keyring, tenant: str, placeholder: str, kind: str, value: str) -> MapEntry:
    digest = keyring.digest(tenant, value.encode())
    sealed = keyring.seal(tenant, f"value/{digest}", "e-1", placeholder, value.encode())
    return MapEntry(placeholder=placeholder, kind=kind, digest=digest, value=sealed)


def a_gateway(
    folder: Any,
    log: FakeLog,
    bounds: Bounds | None = None,
    parts: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Gateway:
    chosen = Settings(run=folder, **{"deadline_ms": 3_000, **settings})
    index = LogIndex(folder)
    log.write_index = lambda: index.flush({})
    keyring = Keyring(chosen)
    return Gateway(
        settings=chosen,
        keyring=keyring,
        keys=ApiKeys(folder / "keys.sqlite"),
        idempotency=Idempotency(folder / "idempotency.sqlite"),
        publisher=log,
        log=log,
        offsets=log.lag_reader,
        reviews=log,
        index=index,
        erasures=ErasureDesk(keyring, log, log.told_of_erasures, chosen.partitions, edge="gateway"),
        bounds=bounds or Bounds(late_s=1.0),
        **(parts or {}),
    )


def a_key(gateway: Gateway, tenant: str = "acme", scopes: Sequence[str] = DEFAULT_SCOPES) -> str:
    return gateway.keys.create(tenant, scopes=scopes)[1]
