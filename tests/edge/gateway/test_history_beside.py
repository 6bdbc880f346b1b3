"""A gateway that serves while it reads history says what one says that has read all, or 503."""

from __future__ import annotations

import asyncio
import itertools
import threading
from contextlib import ExitStack

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.gateway.voiced_requests import KeyTurn, NewQuestion
from edge.listening.entries import HISTORY, RESULTS
from edge.listening.live_records import LiveRecords
from edge.listening.log_strand import LogStrand
from edge.listening.reading_on import TOPICS_OF_HISTORY, ReadingOn
from edge.problems import Problem
from edge.requests.new_document import NewDocument
from schemas import Ask, Batch, ChunksCut, ChunksIndexed, DocumentRef, Manifest
from streams.log.schema_asker import SchemaAsker
from streams.topics import topic_of
from tests.edge.callers.test_caller import a_caller
from tests.edge.fake_log import FakeLog, a_gateway
from tests.fakes import a_codec, a_meta
from tests.folders_in_memory import a_folder
from tests.memory_broker import MemoryBroker, MemoryConsumer

CODEC = a_codec()
RECORDS = {topic_of(kind): kind for kind in (*HISTORY, *RESULTS)}
CALLER = a_caller("read", "write", "chat")
KEYS, DOCUMENTS = ("k-1", "k-2", "k-3"), ("file:a", "file:b")


class LimitedConsumer(MemoryConsumer):
    """Hands over so many records at once, at most."""

    limit = 1

    def consume(self, count, timeout):
        return super().consume(min(count, self.limit), 0)


class SteppedLog(FakeLog):
    """A log that is read turn by turn: a front from drawn offsets on, and history behind it."""

    def __init__(self):
        super().__init__()
        self.ready, self.strands = False, None
        self.memory = MemoryBroker(partitions=1)
        for topic in RECORDS:
            self.memory.create(topic)
        self.front, self.back = LimitedConsumer(self.memory), LimitedConsumer(self.memory)
        self.times_ms = itertools.count(self.time_ms)

    @property
    def knows_all(self):
        return self.strands is not None and self.strands.is_whole

    def append(self, event):
        self.time_ms = next(self.times_ms)
        return super().append(event)

    def _tell(self, event, entry):
        headers = [("request", event.meta.request.encode())]
        place = {"key": event.meta.tenant.encode(), "headers": headers, "time_ms": entry.time_ms}
        value = CODEC.encode(event)
        CODEC.decode(value, type(event))  # its schema is known from now on
        self.memory.put(topic_of(event), value, **place)
        if self.knows_all:  # whoever put it there may wait to read it
            self._loop.call_soon_threadsafe(self.turn, 99, 99)

    def read_from(self, dispatch, fronts):
        """Read each topic of history behind so many of its records from the front on."""
        self._loop = asyncio.get_running_loop()
        asker, ticks = SchemaAsker(CODEC), itertools.count(step=0.1)
        strands = [
            LogStrand(consumer, LiveRecords(asker), RECORDS, lambda *_: True)
            for consumer in (self.front, self.back)
        ]
        self.strands = ReadingOn(
            strands[0],
            dispatch,
            lambda work: work(),
            stopping=threading.Event(),
            clock=lambda: next(ticks),
        )
        ends = {(topic, 0): self.memory.rows[topic, 0].end for topic in TOPICS_OF_HISTORY}
        begins = {at: min(end, fronts.get(at[0], end)) for at, end in ends.items()}
        results = {(t, 0): rows.end for (t, _), rows in self.memory.rows.items()}
        self.strands.begin_behind(strands[1], dict.fromkeys(ends, 0), ends)
        strands[1].assign(dict.fromkeys(ends, 0))
        strands[0].assign(results | begins)

    def turn(self, front, back):
        """Let each strand read so many records at most."""
        self.front.limit, self.back.limit = front, back
        self.strands.turn()
        self.ready = self.strands.is_live

    def read_all(self):
        """Read to the end of everything."""
        while not self.knows_all:
            self.turn(99, 99)
        self.turn(99, 99)


class Beside:
    """A gateway over such a log, and one that has read everything that is on it."""

    def __init__(self, folder):
        (folder / "full").mkdir()
        self.log = SteppedLog()
        self.gateway = a_gateway(folder, self.log, partitions=1)
        self.full_log = FakeLog()
        self.full = a_gateway(folder / "full", self.full_log, partitions=1)
        self.full.keyring = self.gateway.keyring
        self.taken = {}
        """(topic, offset) -> what was taken in of history, in that order."""
        self.gateway.dispatch._readers = (self._note, *self.gateway.dispatch._readers)

    def close(self):
        for gateway in (self.gateway, self.full):
            gateway.index.close()

    def _note(self, entry):
        self.taken.setdefault((topic_of(entry.event), entry.offset), entry)

    def begin(self, fronts):
        self.log.read_from(self.gateway.dispatch, fronts)

    # ------------------------------------------------------------------ what lies on the log

    def asked(self, key, text="x"):
        """What a gateway puts on the log for a question with a key."""
        identity = self.gateway.reception.identify(CALLER, question(key))
        return self.gateway.reception.build.ask(identity, text, Ask(), key=f"by {text}")

    def about(self, uri, number, what):
        """What the log holds of a document's version."""
        identity = self.gateway.reception.identify_document(
            CALLER, uri, f"{CALLER.subject}|{number}"
        )
        if what == "submitted":
            return self.gateway.reception.build.submit(identity, document(uri, f"{number}"))
        meta = a_meta(request=identity.request, session=identity.session, tenant=CALLER.tenant)
        named = {"document": DocumentRef(document=identity.session, version=number, uri=uri)}
        batch = Batch(number=0, last=True)
        if what == "cut":
            return ChunksCut(meta=meta, batch=batch, outcome="cut", **named)
        manifest = Manifest(checksum="c", parser="p", parser_version="1", policy="x", chunks=("c",))
        more = {"outcome": "indexed", "visible": True, "position": number, "manifest": manifest}
        return ChunksIndexed(meta=meta, batch=batch, **named, **more)

    # ------------------------------------------------------------------ what both say

    def read_full(self):
        """Have the other gateway read all: in this one's order what it has, and then the rest."""
        for part in (self.full.requests, self.full.documents, self.full.answers):
            part.forget()
        everything = {
            (topic, entry.offset): entry
            for topic, entries in self.log.entries.items()
            for entry in entries
        }
        assert self.taken.items() <= everything.items()
        left = sorted(() if self.log.knows_all else everything.keys() - self.taken.keys())
        order = [*self.taken.values(), *(everything[place] for place in left)]
        self.full.dispatch.take_back(order)

    def check_same(self, ask):
        """Check that an answer is the full gateway's, or that it is to be asked for again."""
        self.read_full()
        mine, its = told(ask, self.gateway), told(ask, self.full)
        if mine == 503:
            assert not self.log.knows_all
        else:
            assert mine == its

    async def check_question(self, key):
        """Check that a question with a key is new only where it is not on the log."""
        self.read_full()
        identity = self.gateway.reception.identify(CALLER, question(key))
        first = self.full.requests.find(identity.whose)
        with ExitStack() as held:
            watch = await awaited(self.gateway.ask_once(CALLER, question(key), held))
        if isinstance(watch, Problem):
            self.check_for_later(watch)
            return
        assert watch.from_log is (first is not None)
        assert first is None or watch.request == first

    async def check_new_question(self):
        """Check that a question without a key is taken in, and known at once."""
        with ExitStack() as held:
            watch = await self.gateway.ask_once(CALLER, NewQuestion("new"), held)
        assert not watch.from_log
        assert self.gateway.access.request(CALLER, watch.request.request) == watch.request

    async def check_document(self, uri, number):
        """Check that a version is new only where it is not on the log, and all of that known."""
        self.read_full()
        mark = f"{CALLER.subject}|{number}"
        identity = self.gateway.reception.identify_document(CALLER, uri, mark)
        is_there = self.full.requests.find(identity.whose) is not None
        if self.gateway.is_taken(CALLER, identity, KeyTurn(mark, repeated=False)):
            assert is_there
            return
        work = self.gateway.reception.submit(CALLER, identity, document(uri, f"{number}"))
        taken = await awaited(work)
        if isinstance(taken, Problem):
            self.check_for_later(taken)
        else:
            assert self.log.knows_all

    def check_for_later(self, problem):
        """Check that a problem says that not all is known yet, and when to come again."""
        assert problem.status == 503
        assert problem.retry_after_s >= 1
        assert not self.log.knows_all


async def awaited(work):
    """What comes of some work, or the problem that it raised."""
    try:
        return await work
    except Problem as problem:
        return problem


def question(key):
    return NewQuestion("x", session="s", fingerprint=f"{CALLER.subject}|{key}", has_key=True)


def document(uri, content):
    return NewDocument(uri=uri, content=content.encode(), media_type="text/plain")


def told(ask, gateway):
    """What a gateway answers; a status where that is a problem."""
    try:
        return ask(gateway)
    except Problem as problem:
        return problem.status


def questions(beside):
    """Everything that readers ask, for all that there may be."""
    for key in KEYS:
        name = beside.gateway.reception.identify(CALLER, question(key)).request
        yield lambda gateway, name=name: gateway.access.request(CALLER, name)
    for uri in DOCUMENTS:
        name = beside.gateway.reception.identify_document(CALLER, uri).session
        yield lambda gateway, name=name: gateway.access.document(CALLER, name).as_json(None)
        yield lambda gateway, name=name: gateway.access.may_know(CALLER, name)
    yield lambda gateway: [one.as_json(None) for one in gateway.access.documents(CALLER, 9)[0]]
    yield lambda gateway: gateway.session_desk.listed(CALLER, 9)
    yield lambda gateway: gateway.session_desk.asked_in(CALLER, "s")


EVENTS = st.one_of(
    st.tuples(st.just("asked"), st.sampled_from(KEYS), st.just("x")),
    st.tuples(
        st.sampled_from(("submitted", "cut", "indexed")),
        st.sampled_from(DOCUMENTS),
        st.integers(1, 3),
    ),
)
DEEDS = st.one_of(
    EVENTS,
    st.tuples(st.just("turn"), st.integers(0, 3), st.integers(0, 3)),
    st.tuples(st.just("turn"), st.just(99), st.integers(0, 3)),
    st.tuples(st.just("ask"), st.sampled_from(KEYS), st.none()),
    st.tuples(st.just("hand in"), st.sampled_from(DOCUMENTS), st.integers(1, 4)),
    st.tuples(st.sampled_from(("ask anew", "look", "write", "read all")), st.none(), st.none()),
)


async def lived(before, fronts, deeds):
    """Live through what was drawn, checking every answer."""
    with a_folder() as folder:
        beside = Beside(folder)
        try:
            for what, name, number in before:
                put(beside, what, name, number)
            beside.begin(dict(zip(sorted(TOPICS_OF_HISTORY), fronts, strict=False)))
            for deed in [*deeds, ("read all", None, None), ("look", None, None)]:
                await do(beside, *deed)
            assert beside.log.knows_all
            for topic in TOPICS_OF_HISTORY:
                offsets = [offset for whose, offset in beside.taken if whose == topic]
                assert offsets == list(range(len(beside.log.entries[topic])))
        finally:
            beside.close()


def put(beside, what, name, number):
    event = beside.asked(name) if what == "asked" else beside.about(name, number, what)
    beside.log.append(event)


async def do(beside, what, name, number):
    match what:
        case "turn":
            beside.log.turn(name, number)
        case "ask":
            await beside.check_question(name)
        case "hand in":
            await beside.check_document(name, number)
        case "ask anew":
            await beside.check_new_question()
        case "look":
            for ask in questions(beside):
                beside.check_same(ask)
        case "write":
            assert beside.gateway.index.flush({})
        case "read all":
            beside.log.read_all()
        case _:
            put(beside, what, name, number)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(EVENTS, max_size=12),
    st.lists(st.integers(0, 6), max_size=len(TOPICS_OF_HISTORY)),
    st.lists(DEEDS, max_size=14),
)
def test_whatever_is_read_when_it_says_what_is_so_or_when_to_come_back(before, fronts, deeds):
    asyncio.run(lived(before, fronts, deeds))
