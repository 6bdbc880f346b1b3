"""Records under a schema that was never met before, over a registry that lags, lies or is away."""

import asyncio
import struct
import threading
from itertools import repeat

import pytest

from schemas import ChunksCut, QuestionAsked
from schemas.definitions import self_contained
from streams.delivery.item import Item
from streams.delivery.lane import Lane
from streams.delivery.unknown_schemas import UnknownSchemas
from streams.log.codec import Codec, Undecodable
from streams.topics import topic_of
from tests.memory_registry import MemoryRegistry
from tests.streams.log.test_schema_asker import HangingRegistry

TOPIC = topic_of(QuestionAsked)
NEW = 7


class Bench:
    """A lane whose records all have new schemas, and what waits for these."""

    def __init__(self, registry=None):
        self.registry = registry or MemoryRegistry({})
        self.codec = Codec(self.registry)
        self.now_s = 0.0
        self.tasks = []
        self.unknown = UnknownSchemas(
            "redact",
            self.codec,
            self.spawn,
            grace_s=2.0,
            clock=lambda: self.now_s,
            between_tries=lambda: repeat(0.02),
        )
        self.lane = Lane(TOPIC, 0, 0, 8)
        self.passed = asyncio.Event()
        self.lane.on_progress = lambda _: self.passed.set()

    def spawn(self, work, lanes):
        self.tasks.append((asyncio.get_running_loop().create_task(work), lanes))

    def enter(self, *ids, first=0, tenant=b"acme"):
        self.lane.take([(first + n, 1, tenant, schema_id) for n, schema_id in enumerate(ids)])

    def open(self, item):
        if not self.codec.known(item.message, QuestionAsked):
            self.unknown.wait(item, item.message, QuestionAsked)
            return False
        item.session = item.work = str(item.offset)
        return True

    def begun(self):
        offsets = []
        while (item := self.lane.next(self.open)) is not None:
            offsets.append(item.offset)
        return offsets

    async def until_progress(self):
        await asyncio.wait_for(self.passed.wait(), 60)
        self.passed.clear()


@pytest.fixture
async def bench():
    made = Bench()
    yield made
    for task, _ in made.tasks:
        task.cancel()
    await asyncio.gather(*(task for task, _ in made.tasks), return_exceptions=True)
    made.unknown._asker.stop()


async def test_a_schema_that_the_registry_knows_is_learned_once_for_all_that_wait():
    bench = Bench(HangingRegistry({NEW: self_contained("QuestionAsked")}, hangs=[NEW]))
    bench.enter(NEW, NEW, NEW)
    bench.enter(NEW, first=3, tenant=b"other")
    assert bench.begun() == []
    bench.registry.let_go.set()
    await bench.until_progress()
    assert bench.begun() == [0, 3, 1, 2]
    assert bench.registry.asked == [NEW]


async def test_while_the_registry_is_away_a_tenants_records_wait_in_their_order(bench):
    bench.registry.away = True
    bench.enter(NEW, NEW)
    assert bench.begun() == []
    while not bench.registry.asked:  # noqa: ASYNC110 - asked from a thread
        await asyncio.sleep(0.01)
    assert bench.begun() == []
    bench.registry.hear(NEW, self_contained("QuestionAsked"))
    bench.registry.away = False
    await bench.until_progress()
    assert bench.begun() == [0, 1]


async def test_what_the_registry_does_not_know_yet_waits_alone_and_is_taken_when_it_does(bench):
    bench.codec._writers[1] = ("QuestionAsked", None)
    bench.enter(NEW, 1)
    assert bench.begun() == []
    await bench.until_progress()  # told that it does not know
    assert bench.begun() == [1]
    bench.registry.hear(NEW, self_contained("QuestionAsked"))
    await bench.until_progress()
    assert bench.begun() == [0]
    assert bench.codec.known(NEW, QuestionAsked)


async def test_what_the_registry_goes_on_not_knowing_is_refused_after_a_while(bench):
    bench.enter(NEW)
    assert bench.begun() == []
    await bench.until_progress()
    assert not bench.codec.known(NEW, QuestionAsked)
    bench.now_s = 2.0
    await bench.until_progress()
    with pytest.raises(Undecodable, match="no schema with id 7"):
        bench.codec.decode(struct.pack(">bI", 0, NEW), QuestionAsked)


@pytest.mark.parametrize("lie", [{"type": "string"}, self_contained("ChunksCut")])
async def test_an_answer_that_fits_no_record_here_is_no_fact_either(bench, lie):
    bench.registry.hear(NEW, lie)
    bench.enter(NEW)
    assert bench.begun() == []
    await bench.until_progress()
    bench.registry.hear(NEW, self_contained("QuestionAsked"))
    await bench.until_progress()
    assert bench.begun() == [0]


async def test_a_record_under_another_records_schema_takes_nothing_from_that_one(bench):
    bench.registry.hear(NEW, self_contained("ChunksCut"))
    bench.enter(NEW)
    bench.begun()
    await bench.until_progress()
    bench.now_s = 2.0
    await bench.until_progress()
    assert bench.codec.known(NEW, QuestionAsked)  # refused
    assert not bench.codec.known(NEW, ChunksCut)
    bench.codec.learn(NEW, ChunksCut)


async def test_64_unknown_ids_of_others_reject_no_record_of_a_neighbour(bench):
    for number in range(64):
        bench.unknown.wait(
            an_item(bench, number, b"evil-%d" % (number % 4)), 1_000 + number, QuestionAsked
        )
    while len(set(bench.registry.asked)) < 64:  # noqa: ASYNC110 - asked from threads
        await asyncio.sleep(0.01)
    bench.registry.hear(NEW, self_contained("QuestionAsked"))
    bench.enter(NEW, first=100, tenant=b"bank")
    async with asyncio.timeout(60):
        while not (begun := bench.begun()):
            await bench.until_progress()
    assert begun == [100]


async def test_a_record_for_whose_id_there_is_no_room_waits_until_there_is(bench, monkeypatch):
    monkeypatch.setattr("streams.delivery.unknown_schemas.ROOM_S", 0.01)
    monkeypatch.setattr("streams.log.schema_asker.WANTED_MAX", 0)
    bench.now_s = 100.0
    bench.registry.hear(NEW, self_contained("QuestionAsked"))
    bench.enter(NEW)
    assert bench.begun() == []
    await asyncio.sleep(0.1)  # some looks
    assert bench.registry.asked == []
    assert not bench.passed.is_set()
    monkeypatch.setattr("streams.log.schema_asker.WANTED_MAX", 1)
    await bench.until_progress()
    assert bench.begun() == [0]


@pytest.mark.parametrize("later", [False, True])
async def test_an_id_for_which_its_first_asker_has_no_room_is_asked_for_by_another(
    bench, monkeypatch, later
):
    monkeypatch.setattr("streams.delivery.unknown_schemas.ROOM_S", 0.01)
    monkeypatch.setattr("streams.log.schema_asker.WANTED_OF_TENANT_MAX", 1)
    bench.unknown.wait(an_item(bench, 50, b"evil"), 1_000, QuestionAsked)
    bench.unknown.wait(an_item(bench, 51, b"evil"), NEW, QuestionAsked)
    assert NEW not in bench.registry.asked
    bench.registry.hear(NEW, self_contained("QuestionAsked"))
    bench.enter(NEW, first=100, tenant=b"bank")
    with monkeypatch.context() as patch:
        if later:
            patch.setattr("streams.log.schema_asker.WANTED_MAX", 0)
        begun = bench.begun()
        assert not later or begun == []
    async with asyncio.timeout(60):
        while 100 not in begun:
            await bench.until_progress()
            begun += bench.begun()


async def test_a_registry_that_hangs_at_many_ids_takes_no_thread_of_others():
    registry = HangingRegistry({NEW: self_contained("QuestionAsked")}, hangs=range(100, 116))
    bench = Bench(registry)
    try:
        bench.enter(NEW, first=100, tenant=b"other")
        for number in registry.hangs:
            bench.unknown.wait(an_item(bench, number), number, QuestionAsked)
        here = threading.get_ident()
        assert await asyncio.wait_for(asyncio.to_thread(threading.get_ident), 60) != here
        if not bench.begun():
            await bench.until_progress()
            assert bench.begun() == [100]
        for task, _ in bench.tasks:
            task.cancel()
    finally:
        registry.let_go.set()
        bench.unknown._asker.stop()


async def test_who_comes_to_an_id_that_is_unknown_already_steps_aside_at_once(bench):
    bench.enter(NEW)
    assert bench.begun() == []
    await bench.until_progress()
    [(task, _)] = bench.tasks
    task.cancel()  # its lane has moved, and comes again
    await asyncio.gather(task, return_exceptions=True)
    bench.codec._writers[1] = ("QuestionAsked", None)
    bench.enter(NEW, 1, first=1, tenant=b"other")
    assert bench.begun() == []
    await bench.until_progress()
    assert bench.begun() == [2]


async def test_to_a_lane_that_has_gone_nothing_is_offered(bench):
    bench.registry.hear(NEW, self_contained("QuestionAsked"))
    bench.enter(NEW)
    bench.begun()
    bench.lane.revoked = True
    [(task, lanes)] = bench.tasks
    assert lanes == [bench.lane]
    await task
    assert bench.lane.waiting == 0


async def test_who_is_cancelled_leaves_no_one_waiting_for_ever(bench):
    bench.registry.away = True
    bench.enter(NEW)
    bench.begun()
    [(task, _)] = bench.tasks
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    bench.unknown.wait(an_item(bench, 1), NEW, QuestionAsked)
    assert len(bench.tasks) == 2


def an_item(bench, offset, tenant=b"acme"):
    return Item(bench.lane, offset, 1, tenant, None)


async def test_records_that_wait_outside_are_taken_in_their_order_and_keep_no_later_one(bench):
    bench.codec._writers[1] = ("QuestionAsked", None)
    bench.enter(NEW, NEW, 1)
    assert bench.begun() == []
    await bench.until_progress()  # told that it does not know: the first one stays outside
    assert bench.begun() == []  # so does the second, which comes late
    await bench.until_progress()
    assert bench.begun() == [2]
    bench.registry.hear(NEW, self_contained("QuestionAsked"))
    await bench.until_progress()
    assert bench.begun() == [0, 1]
