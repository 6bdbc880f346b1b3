"""Records under unknown ids at the edge: nobody waits for a registry but who must, and nothing is lost."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import structs

from agents.errors import Transient
from edge.listening.entries import HISTORY, RESULTS, Dispatch, Gap
from edge.listening.live_records import LiveRecords
from edge.listening.log_reader import LogReader
from schemas import QuestionAsked
from schemas.definitions import self_contained
from streams.log.aside import AsideBounds
from streams.log.codec import Codec, schema_id_of
from streams.log.schema_asker import SchemaAsker
from streams.settings import Settings
from streams.topics import topic_of
from tests.edge.answering.histories import QUESTION, WHOLE
from tests.fakes import a_codec, a_meta
from tests.memory_broker import MemoryBroker, MemoryConsumer
from tests.streams.log.test_schema_asker import HangingRegistry

EVERYWHERE = sorted({topic_of(kind) for kind in (*HISTORY, *RESULTS)})
CODEC = a_codec()
KNOWN = {schema_id_of(CODEC.encode(event)): type(event) for event in (QUESTION, *WHOLE)}
NEW = 7_000
"""Under this id and those after it a newer version writes; they mean what ours mean."""
MANY = 1_200
"""Records of a lane: more than may wait aside of one tenant."""


def renumbered(event, schema_id):
    value = CODEC.encode(event)
    return value[:1] + schema_id.to_bytes(4, "big") + value[5:]


class Bench:
    """A gateway's reader over a broker in memory, whose registry may hang, lag or be away."""

    def __init__(self, grace_s=30.0, hangs=(), **definitions):
        known = {number: self_contained(kind.SCHEMA) for number, kind in KNOWN.items()}
        self.registry = HangingRegistry(known, hangs)
        self.codec = Codec(self.registry)
        pauses = lambda: iter(lambda: 0.002, None)  # noqa: E731 - for ever
        asker = SchemaAsker(self.codec, grace_s=grace_s, between_tries=pauses)
        self.broker = MemoryBroker(partitions=1)
        for topic in EVERYWHERE:
            self.broker.create(topic)
        self.reader = LogReader(
            Settings(partitions=1),
            self.codec,
            new_consumer=lambda *_, **__: MemoryConsumer(self.broker),
            asker=asker,
        )
        self.entries = []
        self.dispatch = Dispatch([self.entries.append], lambda *_: True)

    def knows_our_own(self):
        """Where the grace is short: on a busy machine an answer may well take longer."""
        for number, kind in KNOWN.items():
            self.codec.learn(number, kind)

    def put(self, event, schema_id=None):
        value = CODEC.encode(event) if schema_id is None else renumbered(event, schema_id)
        meta = event.meta
        headers = [("request", meta.request.encode())]
        self.broker.put(topic_of(event), value, key=meta.tenant.encode(), headers=headers)

    async def __aenter__(self):
        self.reader.start(self.dispatch)
        return self

    async def __aexit__(self, *_):
        self.registry.let_go.set()
        await self.reader.stop()

    async def until(self, what):
        async with asyncio.timeout(60):
            while not what():  # noqa: ASYNC110 - another thread makes it so
                await asyncio.sleep(0.005)

    def requests(self, kind=QuestionAsked):
        return [entry.event.meta.request for entry in self.entries if type(entry.event) is kind]


def asked(request, tenant="acme"):
    return structs.replace(QUESTION, meta=a_meta(tenant=tenant, request=request, session=request))


def tokens(request, tenant="acme", text="x"):
    meta = structs.replace(WHOLE[0].meta, tenant=tenant, request=request)
    return structs.replace(WHOLE[0], meta=meta, text=text)


async def test_while_the_registry_hangs_at_an_id_what_is_known_is_served_on():
    async with Bench(hangs=[NEW]) as bench:
        await bench.until(lambda: bench.reader.ready)
        bench.put(asked("waits"), NEW)
        for number in range(5):
            bench.put(asked(f"r{number}", tenant="globex"))
        await bench.until(lambda: len(bench.entries) == 5)
        bench.registry.hear(NEW, self_contained("QuestionAsked"))
        bench.registry.let_go.set()
        await bench.until(lambda: len(bench.entries) == 6)
    assert bench.requests()[-1] == "waits"


async def test_what_follows_in_its_request_waits_behind_it_and_no_other_request():
    async with Bench(hangs=[NEW]) as bench:
        await bench.until(lambda: bench.reader.ready)
        bench.put(tokens("r-1", text="first"), NEW)
        bench.put(tokens("r-1", text="second"))
        bench.put(tokens("r-2", text="other"))
        await bench.until(lambda: bench.entries)
        assert [entry.event.text for entry in bench.entries] == ["other"]
        bench.registry.hear(NEW, self_contained("TokensReleased"))
        bench.registry.let_go.set()
        await bench.until(lambda: len(bench.entries) == 3)
    assert [entry.event.text for entry in bench.entries] == ["other", "first", "second"]


async def test_an_id_that_a_lagging_registry_learns_is_no_nonsense():
    async with Bench() as bench:
        await bench.until(lambda: bench.reader.ready)
        bench.put(asked("r-1"), NEW)
        await bench.until(lambda: bench.registry.asked.count(NEW) > 3)
        bench.registry.hear(NEW, self_contained("QuestionAsked"))
        await bench.until(lambda: bench.entries)
    assert bench.requests() == ["r-1"]


async def test_an_id_that_no_registry_knows_is_passed_over_after_the_grace_and_what_follows_is_read():
    async with Bench(grace_s=0.05) as bench:
        bench.knows_our_own()
        await bench.until(lambda: bench.reader.ready)
        bench.put(tokens("r-1", text="nonsense"), NEW)
        bench.put(tokens("r-1", text="sense"))
        await bench.until(lambda: bench.entries)
    assert [entry.event.text for entry in bench.entries] == ["sense"]


async def ends_in_a_gap(outcomes):
    """Wait as a follower does, who looks up twice a second."""
    async with asyncio.timeout(60):
        while True:
            try:
                await outcomes.next(0.02)
            except TimeoutError:
                continue
            except Gap:
                return True


async def test_a_reader_whose_record_waited_in_vain_is_told_to_resume_and_no_other():
    bench = Bench(grace_s=0.05, hangs=[NEW])
    bench.knows_our_own()
    request, other = (asked(name).meta for name in ("r-1", "r-2"))
    mine, theirs = (
        type("R", (), {"lane": 0, "whose": (meta.tenant, meta.request)})
        for meta in (request, other)
    )
    with bench.dispatch.subscribe(mine) as lost, bench.dispatch.subscribe(theirs) as kept:
        async with bench:
            await bench.until(lambda: bench.reader.ready)
            bench.put(tokens("r-1"), NEW)
            assert await ends_in_a_gap(lost)
            bench.put(tokens("r-2", text="goes on"))
            assert (await kept.next(20)).event.text == "goes on"


async def test_history_that_waited_in_vain_is_read_again_when_the_registry_answers():
    async with Bench(grace_s=0.05, hangs=[NEW]) as bench:
        await bench.until(lambda: bench.reader.ready)
        bench.put(asked("r-1"), NEW)
        bench.put(asked("r-2"))
        await bench.until(lambda: "r-2" in bench.requests())
        await asyncio.sleep(0.2)  # more than the grace
        assert "r-1" not in bench.requests()
        bench.registry.hear(NEW, self_contained("QuestionAsked"))
        bench.registry.let_go.set()
        await bench.until(lambda: "r-1" in bench.requests())


@pytest.mark.parametrize("count", [1, 3_000])
async def test_a_gateway_that_starts_without_a_registry_reads_all_when_it_is_there(count):
    """More than may wait aside: nothing is lost, and it is not ready before it has all."""
    bench = Bench(grace_s=0.05)
    bench.registry.away = True
    for number in range(count):
        bench.put(asked(f"r{number}"))
    async with bench:
        await bench.until(lambda: len(bench.registry.asked) > 5)
        await asyncio.sleep(0.2)  # more than the grace
        assert not bench.reader.ready
        assert bench.entries == []
        bench.registry.away = False
        await bench.until(lambda: bench.reader.ready)
        assert set(bench.requests()) == {f"r{number}" for number in range(count)}


TURNS = st.tuples(st.integers(1, 400), st.sampled_from([0.0, 0.03, 0.06, 1.0, 100.0]))
"""Records read, and seconds that pass."""


@given(turns=st.lists(TURNS, min_size=5, max_size=40))
@example(  # what was held is let go of in vain while its lane is on the way back to it
    turns=[(220, 1.0), (296, 0.0), (106, 1.0), (252, 0.06), (335, 0.03), (18, 100.0), (251, 0.06)]
)
def test_whenever_a_lane_is_read_again_nothing_of_its_history_is_missed(turns):
    """Also where that is while it is read again, or the machine stood still."""
    bench, now_s, told, at = Bench(grace_s=0.05), 0.0, set(), 0
    for number in range(MANY):
        bench.put(asked(f"r{number}"))
    messages = bench.broker.rows[topic_of(QuestionAsked), 0].messages
    asker = SchemaAsker(bench.codec, grace_s=0.05, between_tries=lambda: iter(lambda: 0.002, None))
    live = LiveRecords(asker, clock=lambda: now_s)

    def turn(size):
        nonlocal at
        entries = live.told_since()
        entries += [live.open(message, QuestionAsked) for message in messages[at : at + size]]
        told.update(entry.event.meta.request for entry in entries if entry is not None)
        at = min(at + size, MANY)
        for place in live.to_read_again({(topic_of(QuestionAsked), 0): at}):
            at = place.offset

    bench.registry.away = True
    turn(1)
    while not asker.any_silent:
        time.sleep(0.001)
    for size, passed_s in turns:
        now_s += passed_s
        turn(size)
    assert not told
    bench.registry.away = False
    while asker.any_asked:
        time.sleep(0.001)
    for _ in range(2 * MANY // 100 + 4):  # it may be at its end, and read all of it again
        now_s += 100.0
        turn(100)
    asker.stop()
    assert len(told) == MANY


async def test_64_unknown_ids_of_others_take_no_history_of_a_neighbour():
    ids = itertools.count(NEW)
    strangers = [next(ids) for _ in range(64)]
    valid = next(ids)
    async with Bench() as bench:
        await bench.until(lambda: bench.reader.ready)
        for number, schema_id in enumerate(strangers):
            bench.put(asked(f"bad-{number}", tenant=f"evil-{number % 4}"), schema_id)
        await bench.until(lambda: set(strangers) <= set(bench.registry.asked))
        bench.registry.hear(valid, self_contained("QuestionAsked"))
        bench.put(asked("theirs", tenant="bank"), valid)
        await bench.until(lambda: "theirs" in bench.requests())


async def test_history_that_found_no_room_is_read_again_and_never_taken_for_unknown(monkeypatch):
    """While the registry answers, and knows neither this id yet nor the other that is asked for."""
    monkeypatch.setattr("streams.log.aside.AsideBounds", lambda: AsideBounds(records=0))
    bench = Bench(grace_s=30.0)
    asker = bench.reader._asker
    live = LiveRecords(asker, clock=lambda: 0.0)
    bench.put(asked("r-1"), NEW)
    [message] = bench.broker.rows[topic_of(QUESTION), 0].messages
    lane = message.topic(), message.partition()
    assert asker.ask(NEW, QuestionAsked, "acme")
    await bench.until(lambda: asker.is_unknown(NEW, QuestionAsked))
    assert live.open(message, QuestionAsked) is None
    assert not live.is_taken_in(lane, 1)
    # not before the grace is over or all ids are settled
    assert live.to_read_again({lane: 1}) == []
    bench.registry.hear(NEW, self_contained("QuestionAsked"))
    await bench.until(lambda: not asker.any_asked)
    assert [place.offset for place in live.to_read_again({lane: 1})] == [0]
    assert live.open(message, QuestionAsked).event.meta.request == "r-1"
    assert live.is_taken_in(lane, 1)


async def test_history_whose_id_there_is_no_room_to_ask_for_waits(monkeypatch):
    bench = Bench(grace_s=30.0)
    live = LiveRecords(bench.reader._asker)
    bench.registry.hear(NEW, self_contained("QuestionAsked"))
    bench.put(asked("r-1"), NEW)
    [message] = bench.broker.rows[topic_of(QUESTION), 0].messages
    with monkeypatch.context() as patch:
        patch.setattr("edge.listening.reading_back.TOLD_S", 0.05)
        patch.setattr("streams.log.schema_asker.WANTED_MAX", 0)
        assert live.open(message, QuestionAsked) is None
        assert live.told_since() == []
        assert not live.is_taken_in((message.topic(), message.partition()), 1)
    entries = []
    await bench.until(lambda: entries.extend(live.told_since()) or entries)
    assert [entry.event.meta.request for entry in entries] == ["r-1"]


async def test_a_request_whose_id_finds_no_room_is_not_read_back_without_its_records(monkeypatch):
    bench = Bench(grace_s=0.02)
    event = asked("r-1")
    bench.broker.put(
        topic_of(event),
        CODEC.encode(event),
        headers=[("request", b"r-1")],
        time_ms=1_700_000_000_000,
    )
    with monkeypatch.context() as patch:
        patch.setattr("edge.listening.reading_back.TOLD_S", 0.05)
        patch.setattr("streams.log.schema_asker.WANTED_MAX", 0)
        with pytest.raises(Transient, match="the schema registry does not tell"):
            await bench.reader.read_back(known("r-1"), [QuestionAsked])
    async with asyncio.timeout(60):
        assert len(await bench.reader.read_back(known("r-1"), [QuestionAsked])) == 1


# ---------------------------------------------------------------------- back


def known(request):
    from edge.listening.known_requests import known_from

    return known_from(asked(request), 1_700_000_000_000)


async def test_reading_back_waits_for_a_lagging_registry_and_holds_up_no_other():
    bench = Bench(hangs=[NEW])
    event = asked("r-1")
    bench.broker.put(
        topic_of(event),
        renumbered(event, NEW),
        headers=[("request", b"r-1")],
        time_ms=1_700_000_000_000,
    )
    waiting = [
        asyncio.create_task(bench.reader.read_back(known("r-1"), [QuestionAsked])) for _ in range(9)
    ]
    await bench.until(lambda: any(t.name.startswith("schema-") for t in threading.enumerate()))
    async with asyncio.timeout(60):
        assert await bench.reader.read_back(known("r-2"), [QuestionAsked]) == []
    assert not any(task.done() for task in waiting)
    bench.registry.hear(NEW, self_contained("QuestionAsked"))
    bench.registry.let_go.set()
    for task in waiting:
        [entry] = await task
        assert entry.event == event


async def test_what_no_registry_knows_is_left_out_when_read_back():
    bench = Bench(grace_s=0.02)
    event = asked("r-1")
    for value in (renumbered(event, NEW), CODEC.encode(event)):
        bench.broker.put(
            topic_of(event), value, headers=[("request", b"r-1")], time_ms=1_700_000_000_000
        )
    [entry] = await bench.reader.read_back(known("r-1"), [QuestionAsked])
    assert entry.offset == 1


async def test_a_request_can_be_read_back_later_where_the_registry_is_away(monkeypatch):
    bench = Bench(grace_s=0.02)
    event = asked("r-1")
    bench.broker.put(
        topic_of(event),
        CODEC.encode(event),
        headers=[("request", b"r-1")],
        time_ms=1_700_000_000_000,
    )
    bench.registry.away = True
    with monkeypatch.context() as patch:
        patch.setattr("edge.listening.reading_back.TOLD_S", 0.05)
        with pytest.raises(Transient, match="the schema registry does not tell"):
            await bench.reader.read_back(known("r-1"), [QuestionAsked])
    bench.registry.away = False
    async with asyncio.timeout(60):
        assert len(await bench.reader.read_back(known("r-1"), [QuestionAsked])) == 1
