"""A reader whose client or whose step's producer has ended: the step goes on, and its worker lives."""

import asyncio
import json
import threading

import pytest
from confluent_kafka import KafkaError

from streams.delivery.commits import due
from streams.delivery.held_slots import HeldSlot
from streams.delivery.slot import ALIVE_S, Members, Slot
from streams.delivery.tries import TRIES_MAX, GaveUp
from streams.settings import Settings
from tests.fake_clock import FakeClock
from tests.memory_broker import MemoryBroker
from tests.streams.delivery.memory_group import MemoryGroup
from tests.streams.delivery.reader_bench import SLOT, TOPIC, Worker, soon


class Bench:
    def __init__(self):
        self.broker = MemoryBroker(partitions=2)
        self.broker.create(TOPIC)
        self.group = MemoryGroup(self.broker)
        self.clock = FakeClock()
        self.workers = []

    def worker(self, **arguments):
        self.workers.append(Worker(self.group, **arguments))
        return self.workers[-1]

    def slot(self, holder):
        return Slot(SLOT, "group", holder, self.clock)

    def put(self, value):
        self.broker.put(TOPIC, value)

    def fence(self):
        """Take the slot, as an older session that the broker hears late, and do nothing with it."""
        other = self.group.client()
        other.subscribe([TOPIC], on_assign=lambda *_: None)
        other.poll(0)


@pytest.fixture
async def bench():
    made = Bench()
    yield made
    for worker in made.workers:
        if worker.reader._thread.is_alive():
            await worker.reader.stop()


async def goes_on(bench, worker, value):
    """See that what arrives now is read."""
    bench.put(value)
    await soon(lambda: worker.read and worker.read[-1] == value)


async def test_a_fenced_client_is_made_anew_and_its_lanes_come_again_from_what_was_committed(bench):
    worker = bench.worker()
    worker.reader.start()
    await goes_on(bench, worker, b"committed")
    worker.reader.commit_soon(due(worker.lanes))
    await soon(bench.group.offsets)
    await goes_on(bench, worker, b"not committed")
    lost = worker.lanes
    bench.fence()
    await soon(lambda: len(worker.words) == 3)
    assert worker.words == ["assigned", "lost", "assigned"]
    assert all(lane.revoked for lane in lost)
    assert [lane.base for lane in worker.lanes] == [1, 0]
    await soon(lambda: worker.read == [b"committed", b"not committed", b"not committed"])
    await goes_on(bench, worker, b"more")
    assert (len(worker.clients), worker.errors) == (2, [])


async def test_nothing_is_read_for_the_next_owner_before_the_old_one_has_let_go(bench):
    worker = bench.worker()
    let_go = asyncio.Event()
    lost = worker.lost

    async def lost_late(lanes):
        await let_go.wait()
        await lost(lanes)

    worker.lost = lost_late
    worker.reader.start()
    await soon(lambda: worker.words)
    bench.fence()
    await soon(lambda: len(worker.clients) == 2)
    await asyncio.sleep(0.05)
    assert worker.words == ["assigned"]
    assert worker.clients[1] is not bench.group.member
    let_go.set()
    await soon(lambda: worker.words == ["assigned", "lost", "assigned"])


async def test_what_the_group_was_asked_for_is_answered_though_its_client_has_ended(bench):
    worker = bench.worker()
    worker.reader.start()
    await soon(lambda: worker.words)
    worker.clients[0]._told = True  # so that its next commit is what tells
    bench.fence()
    assert await asyncio.wait_for(worker.reader.prove(), 60)
    await soon(lambda: worker.words == ["assigned", "lost", "assigned"])


async def test_a_client_that_ends_while_its_lanes_come_is_made_anew_too(bench):
    worker = bench.worker()
    worker.clients[0].errors.append(KafkaError(KafkaError._FATAL))
    worker.reader.start()
    await soon(lambda: worker.words)
    assert (len(worker.clients), worker.errors) == (2, [])
    await goes_on(bench, worker, b"x")


async def test_after_some_tries_that_finished_nothing_the_worker_ends_with_words(bench):
    worker = bench.worker()
    worker.reader.start()
    for number in range(TRIES_MAX + 1):
        await soon(lambda number=number: worker.words.count("assigned") > number)
        bench.fence()
    await soon(lambda: worker.errors)
    [error] = worker.errors
    assert isinstance(error, GaveUp)
    assert "the clients of group were made anew 5 times within 300 s" in str(error)
    assert not worker.reader._thread.is_alive()


async def test_what_a_client_still_says_while_it_ends_is_not_said_of_the_next_one(bench):
    worker = bench.worker()
    worker.reader.start()
    await goes_on(bench, worker, b"1")
    bench.fence()
    await goes_on(bench, worker, b"2")
    fatal = KafkaError(KafkaError._FATAL)
    worker.configs[0]["error_cb"](fatal)
    await goes_on(bench, worker, b"3")
    await goes_on(bench, worker, b"4")
    assert len(worker.clients) == 2
    worker.configs[1]["error_cb"](fatal)
    await soon(lambda: len(worker.clients) == 3)


async def test_who_finishes_something_in_between_is_never_given_up(bench):
    worker = bench.worker()
    worker.reader.start()
    for number in range(2 * TRIES_MAX):
        await soon(lambda number=number: worker.words.count("assigned") > number)
        await goes_on(bench, worker, b"%d" % number)
        worker.reader.commit_soon(due(worker.lanes))
        await soon(lambda number=number: bench.group.offsets().get((TOPIC, 0)) == number + 1)
        committed = bench.group.client().committed(worker.clients[0]._places(), 0)
        worker.reader._on_commit(None, committed)
        bench.fence()
    await goes_on(bench, worker, b"last")
    assert worker.errors == []


async def test_what_is_no_error_of_the_client_ends_the_reader(bench):
    worker = bench.worker()
    worker.reader.intake.keep_pace = None
    worker.reader.start()
    await soon(lambda: worker.errors)
    assert isinstance(worker.errors[0], TypeError)
    assert len(worker.clients) == 1


# ---------------------------------------------------------------------- a slot that is taken


async def test_who_is_fenced_again_soon_waits_until_the_slot_is_free(bench):
    looks, held = threading.Semaphore(0), threading.Event()
    held.set()

    def holder(*_):
        looks.release()
        bench.clock.now += ALIVE_S / 2 + 0.1
        return "somebody" if held.is_set() else None

    worker = bench.worker(slot=bench.slot(holder))
    worker.reader.start()
    for number in (1, 2):
        await soon(lambda number=number: worker.words.count("assigned") == number)
        bench.fence()
    await soon(lambda: worker.reader.slot.trouble)
    assert "PLAYHEAD_SLOT=worker-1 (somebody)" in worker.reader.slot.trouble
    assert worker.words.count("assigned") == 2
    assert await asyncio.wait_for(worker.reader.prove(), 60), "it holds nothing up"
    held.clear()
    await goes_on(bench, worker, b"x")
    assert worker.reader.slot.trouble == ""
    assert worker.errors == []


async def test_of_two_workers_in_one_slot_one_waits_and_one_works(bench):
    """Each takes the place of the other once; then one of them looks first."""
    alive = {}

    def holder_seen_by(name):
        def holder(*_):
            bench.clock.now += ALIVE_S / 2 + 0.1
            other = alive["second" if name == "first" else "first"]
            return "the other" if other.clients[-1] is bench.group.member else None

        return holder

    for name in ("first", "second"):
        alive[name] = bench.worker(slot=bench.slot(holder_seen_by(name)))
        alive[name].reader.start()
        await soon(lambda name=name: alive[name].words)
    await soon(lambda: any(worker.reader.slot.trouble for worker in alive.values()))
    [works] = [worker for worker in alive.values() if not worker.reader.slot.trouble]
    await goes_on(bench, works, b"x")
    came = sum(worker.words.count("assigned") for worker in alive.values())
    await goes_on(bench, works, b"y")
    assert sum(worker.words.count("assigned") for worker in alive.values()) == came <= 4
    assert all(worker.errors == [] for worker in alive.values())


async def test_lanes_are_contested_where_a_client_has_just_taken_the_slot(bench):
    worker = bench.worker()
    worker.reader.start()
    await soon(lambda: worker.words == ["assigned"])
    assert all(lane.contested for lane in worker.lanes)
    worker.reader.begin_again(RuntimeError("of a producer"))
    await soon(lambda: worker.words.count("assigned") == 2)
    assert not any(lane.contested for lane in worker.lanes), "the same client has them still"
    bench.fence()
    await soon(lambda: worker.words.count("assigned") == 3)
    assert all(lane.contested for lane in worker.lanes)


async def test_only_the_first_client_takes_a_slot_of_a_process_that_has_ended(bench, tmp_path):
    held, noted = HeldSlot(tmp_path / "slot", "this boot"), []
    held.is_left = True

    def note(member):
        HeldSlot.note(held, member)
        noted.append(json.loads((tmp_path / "slot").read_bytes())["member"])

    held.note = note
    worker = bench.worker(held=held)
    worker.reader.start()
    await soon(lambda: worker.words == ["assigned"])
    assert not any(lane.contested for lane in worker.lanes), "nobody works there any more"
    bench.fence()
    await soon(lambda: worker.words.count("assigned") == 2)
    assert all(lane.contested for lane in worker.lanes), "whoever that was, it lives"
    await soon(lambda: len(noted) == 2)
    assert noted == [client.memberid() for client in worker.clients]


async def test_who_has_no_slot_displaces_nobody(bench):
    reader = bench.worker().reader
    assert reader.membership.displaces
    reader._settings = Settings()
    reader._new_client()
    assert not reader.membership.displaces


# ---------------------------------------------------------------------- a client that lost its way


async def test_a_client_that_its_group_does_not_know_is_made_anew(bench):
    worker = bench.worker()
    worker.reader.start()
    await soon(lambda: worker.words)
    worker.reader.join_anew()
    await soon(lambda: worker.words == ["assigned", "lost", "assigned"])
    assert (len(worker.clients), worker.errors) == (2, [])


@pytest.mark.parametrize(
    ("settled", "members", "slot", "known"),
    [
        (True, ["group-worker-1-" + "0" * 36], "worker-1", True),
        (True, ["group-worker-2-" + "0" * 36], "worker-1", False),
        (True, [], "worker-1", False),
        (False, [], "worker-1", True),
        (True, ["ours"], "", True),
        (True, ["another"], "", False),
    ],
)
async def test_a_member_is_known_by_its_slot_or_its_id(
    bench, monkeypatch, settled, members, slot, known
):
    told = Members(settled, members)
    monkeypatch.setattr("streams.delivery.reader.group_of", lambda *_: told)
    reader = bench.worker().reader
    assert reader.is_known(), "who never had a lane is asked for nothing"
    reader._member_id, reader._settings = "ours", Settings(slot=slot)
    assert reader.is_known() is known


# ---------------------------------------------------------------------- what can't be written


async def test_lanes_whose_outcomes_can_not_be_written_come_again_by_the_same_client(bench):
    worker = bench.worker()
    worker.reader.start()
    await goes_on(bench, worker, b"x")
    for _ in range(3):  # as each record that was on its way says
        worker.reader.begin_again(OSError("fatal"))
    await soon(lambda: worker.read == [b"x", b"x"])
    assert worker.words == ["assigned", "lost", "assigned"]
    assert (len(worker.clients), worker.errors) == (1, [])


async def test_what_can_not_be_written_again_and_again_ends_the_worker_with_words(bench):
    worker = bench.worker()
    worker.reader.start()
    for number in range(TRIES_MAX + 1):
        await soon(lambda number=number: worker.words.count("assigned") > number)
        worker.reader.begin_again(OSError("no topic"))
    await soon(lambda: worker.errors)
    assert isinstance(worker.errors[0], GaveUp)
    assert "ended with: no topic" in str(worker.errors[0])


async def test_who_has_no_lane_forgets_what_waits_all_the_same(bench):
    worker = bench.worker()
    worker.reader.start()
    await soon(lambda: worker.words)
    await asyncio.to_thread(worker.reader.membership.lose_all)
    worker.reader.begin_again(OSError("fatal"))
    await soon(lambda: worker.words.count("lost") == 2)
    assert worker.lanes
    assert worker.errors == []
