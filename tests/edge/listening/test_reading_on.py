"""Two strands: what comes now is handed on while history is read, and what is taken in is in order."""

from __future__ import annotations

import itertools
import threading
import time

import pytest
from msgspec import structs

from edge.listening.entries import HISTORY, Dispatch
from edge.listening.index_writer import ROWS_MAX, IndexWriter
from edge.listening.known_requests import KnownRequests
from edge.listening.live_records import LiveRecords
from edge.listening.log_index import LogIndex
from edge.listening.log_strand import LogStrand
from edge.listening.reading_on import TOPICS_OF_HISTORY, IndexSpoilt, ReadingOn
from schemas import QuestionAsked
from streams.log.schema_asker import SchemaAsker
from streams.topics import topic_of
from tests.edge.answering.histories import QUESTION, WHOLE
from tests.edge.listening.test_log_reader import CODEC, REQUEST, Live, Log
from tests.fakes import a_meta
from tests.memory_broker import MemoryConsumer

ASKED = topic_of(QUESTION)
OLD = [f"old-{number}" for number in range(3)]
LATE = [f"late-{number}" for number in range(2)]


def asked(request):
    return structs.replace(QUESTION, meta=a_meta(request=request))


def now_ms():
    return time.time_ns() // 1_000_000


def a_long_log(consumer=MemoryConsumer):
    """Old questions, and some of the last minutes."""
    log = Log(consumer)
    for request in OLD:
        log.put(asked(request), time_ms=1)
    for request in LATE:
        log.put(asked(request), time_ms=now_ms())
    return log


class HeldConsumer(MemoryConsumer):
    """Reads history from its beginning only once it is let go on; the front is another's."""

    go_on = threading.Event()

    def consume(self, count, timeout):
        begins = {one.topic: one.offset for one in self.assigned}
        if begins.keys() == TOPICS_OF_HISTORY and not self.go_on.is_set():
            time.sleep(min(timeout, 0.001))
            return []
        return super().consume(count, timeout)


class Serving(Live):
    """A reader of a long log, and what it hands to whom."""

    def __init__(self, log, **more):
        self.recent = []
        super().__init__(log, behind_min=len(OLD) - 1, **more)
        self.dispatch = Dispatch([self.entries.append], recent=[self.recent.append])

    @property
    def heard(self):
        """Which requests the index took in."""
        return [entry.event.meta.request for entry in self.entries]

    @property
    def counted(self):
        return [entry.event.meta.request for entry in self.recent]


@pytest.fixture
def held():
    HeldConsumer.go_on.clear()
    yield HeldConsumer.go_on
    HeldConsumer.go_on.set()


async def test_it_is_ready_and_hands_on_what_comes_before_history_is_read(held):
    log = a_long_log(HeldConsumer)
    serving = Serving(log)
    with serving.dispatch.subscribe(REQUEST) as outcomes:
        async with serving:
            await serving.until(lambda: serving.reader.ready)
            log.put(WHOLE[0], time_ms=now_ms())
            assert (await outcomes.next(60)).event == WHOLE[0]
            assert serving.counted == [*LATE, REQUEST.request], "the last minutes alone"
            assert serving.heard == [], "nothing before what lies before it"
            assert not serving.reader.knows_all
            assert serving.reader.left_s > 0
            held.set()
            await serving.until(lambda: serving.reader.knows_all)
            assert serving.heard == [*OLD, *LATE]
            assert serving.reader.left_s == 0
            log.put(asked("new"), time_ms=now_ms())
            await serving.until(lambda: "new" in serving.heard)
    assert serving.heard == [*OLD, *LATE, "new"]
    assert serving.counted == [*LATE, REQUEST.request, "new"], "each once"
    front, back = log.consumers
    assert (front.closed, back.closed) == (True, True)
    assert {one.topic: one.offset for one in front.assigned}[ASKED] == len(OLD)


async def test_what_lies_before_is_let_go_of_once_both_have_met(held):
    log = a_long_log(HeldConsumer)
    async with Serving(log) as serving:
        held.set()
        await serving.until(lambda: serving.reader.knows_all)
        front, back = log.consumers
        assert (front.closed, back.closed) == (False, True)


@pytest.mark.parametrize("behind", [0, 1])
async def test_little_history_is_read_by_the_front(behind):
    log = a_long_log()
    live = Live(log, behind_min=len(OLD) - behind)
    async with live:
        await live.until(lambda: live.reader.knows_all)
        assert len(log.consumers) == 1 + behind
        assert [event.meta.request for event in live.events] == [*OLD, *LATE]


async def test_after_an_error_nothing_is_known_before_all_is_read_again(held):
    log = a_long_log(HeldConsumer)
    async with Serving(log) as serving:
        await serving.until(lambda: serving.reader.ready)
        log.broker.signs.append(RuntimeError("broken"))
        await serving.until(lambda: len(log.consumers) == 4)
        assert not serving.reader.knows_all
        held.set()
        await serving.until(lambda: serving.reader.knows_all)
        assert serving.heard == [*OLD, *LATE]
        assert log.consumers[0].closed
        assert log.consumers[1].closed


# ---------------------------------------------------------------------- the index


class Indexing(Serving):
    """The same with an index in a folder."""

    def __init__(self, log, folder):
        self.index = LogIndex(folder)
        self.requests = KnownRequests(self.index)
        ids = {"ids": lambda _, topics: dict.fromkeys(topics, "id")}
        super().__init__(log, index=self.index, **ids)
        self.dispatch = Dispatch([self.entries.append, self.requests.take])

    async def __aexit__(self, *_):
        await super().__aexit__()
        self.index.close()

    def offset_of(self, request):
        found = self.requests.find(("acme", request))
        return None if found is None else found.offset


async def test_a_kill_while_history_is_read_takes_back_nothing_that_is_not_read_again(
    held, tmp_path
):
    log = a_long_log(HeldConsumer)
    async with Indexing(log, tmp_path) as first:
        await first.until(lambda: first.reader.ready)
        assert first.index.places() == {}
    held.set()
    async with Indexing(log, tmp_path) as second:
        await second.until(lambda: second.reader.knows_all)
        assert second.heard == [*OLD, *LATE]
    log.put(asked("new"))
    async with Indexing(log, tmp_path) as third:
        await third.until(lambda: third.reader.knows_all)
        assert third.heard == ["new"]
        assert third.offset_of(OLD[0]) == 0


async def test_what_the_front_reads_after_both_have_met_is_written(held, tmp_path):
    held.set()
    log = a_long_log(HeldConsumer)
    async with Indexing(log, tmp_path) as first:
        await first.until(lambda: first.reader.knows_all)
        log.put(asked("new"))
        await first.until(lambda: "new" in first.heard)
    async with Indexing(log, tmp_path) as second:
        await second.until(lambda: second.reader.knows_all)
        assert second.heard == []
        assert second.offset_of("new") == len(OLD) + len(LATE)


async def test_an_index_that_is_spoilt_meanwhile_is_made_anew(held, tmp_path):
    log = a_long_log(HeldConsumer)
    async with Indexing(log, tmp_path) as serving:
        await serving.until(lambda: serving.reader.ready)
        serving.index.spoil("the test says so")
        assert not serving.reader.ready
        held.set()
        await serving.until(lambda: serving.reader.knows_all)
        assert [serving.offset_of(one) for one in OLD] == [0, 1, 2]


# ---------------------------------------------------------------------- turn by turn


class TurnByTurn:
    """Two strands over a broker, without a thread."""

    def __init__(self, log, writer=None):
        self.log, self.taken, self.recent = log, [], []
        self.now_s = itertools.count(step=0.1)
        self.dispatch = Dispatch([self.taken.append], recent=[self.recent.append])
        CODEC.decode(CODEC.encode(QUESTION), QuestionAsked)  # its schema is known from now on
        asker = SchemaAsker(CODEC)
        records = {topic_of(kind): kind for kind in HISTORY}
        self.front, self.back = (
            LogStrand(MemoryConsumer(log.broker), LiveRecords(asker), records, lambda *_: True)
            for _ in range(2)
        )
        self.strands = ReadingOn(
            self.front,
            self.dispatch,
            lambda work: work(),
            stopping=threading.Event(),
            writer=writer,
            clock=lambda: next(self.now_s),
        )
        begins = {(topic, 0): 0 for topic in TOPICS_OF_HISTORY}
        ends = {at: log.broker.rows[at].end for at in begins}
        self.strands.begin_behind(self.back, begins, ends)
        self.back.assign(begins)
        self.front.assign(ends | {(ASKED, 0): len(OLD)})

    @property
    def heard(self):
        return [entry.event.meta.request for entry in self.taken]


class Waiting(LiveRecords):
    """Holds what lies in the lane of questions back."""

    holds = True

    def is_taken_in(self, lane, end):
        return not (self.holds and lane == (ASKED, 0)) and super().is_taken_in(lane, end)


def test_they_do_not_meet_before_what_waits_for_its_schema_is_taken_in():
    turns = TurnByTurn(a_long_log())
    turns.back.live = Waiting(SchemaAsker(CODEC))
    for _ in range(3):
        turns.strands.turn()
    assert turns.heard == [*OLD, *LATE]
    assert turns.strands.is_live
    assert not turns.strands.is_whole
    turns.back.live.holds = False
    turns.strands.turn()
    assert turns.strands.is_whole


def test_they_do_not_meet_while_the_front_has_read_what_was_not_taken_in():
    turns = TurnByTurn(a_long_log())
    turns.back.consumer.assign([])  # it has nothing more to say
    turns.back.behind.clear()
    for _ in range(3):
        turns.strands.turn()
    assert turns.strands.is_live
    assert not turns.strands.is_whole


class Written:
    """A part of which there is much to write until the test says that it was."""

    unwritten = ROWS_MAX + 1

    def to_write(self):
        return []

    def written(self):
        pass


def test_the_front_is_read_while_the_index_has_too_much_to_write(tmp_path):
    writer = IndexWriter(LogIndex(tmp_path))
    writer._ids = dict.fromkeys(TOPICS_OF_HISTORY, "id")
    much = Written()
    writer.index.keep(much)
    turns = TurnByTurn(a_long_log(), writer)
    for _ in range(3):
        turns.strands.turn()
        assert turns.heard == []
    assert [entry.event.meta.request for entry in turns.recent] == LATE
    much.unwritten = 0
    turns.strands.turn()
    turns.strands.turn()
    assert turns.heard == [*OLD, *LATE]
    writer.index.spoil("the test says so")
    with pytest.raises(IndexSpoilt):
        turns.strands.turn()
    writer.index.close()


def test_how_long_it_takes_is_told_by_what_is_left_and_how_fast_that_goes():
    turns = TurnByTurn(a_long_log())
    assert turns.strands.unread == len(OLD) + len(LATE)
    first_s = turns.strands.left_s
    assert 0 < first_s < 1
    assert turns.strands.left_s > first_s, "nothing was read since"
    turns.log.put(asked("new"))
    turns.front.read(0)
    assert turns.strands.unread == len(OLD) + len(LATE) + 1
