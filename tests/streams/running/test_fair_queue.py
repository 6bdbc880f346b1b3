"""Who works when, where not all can: whoever is in a hurry, and tenants in turn."""

import asyncio
import uuid
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.errors import Transient
from schemas import CountTokens, Embed, Embedded
from streams.running.breaker import CLOSED, FAILURES_MAX, Circuit
from streams.running.fair_queue import OWED_S_MAX, SHARE, Bound, FairQueue
from streams.running.world import Call, World
from tests.virtual_time import virtual_time

SOON = 2**62


@dataclass(frozen=True)
class Asking:
    tenant: str
    deadline: int = 0
    request: str = field(default_factory=lambda: str(uuid.uuid4()))


class Bench:
    """Work that begins when it is its turn, and ends when it is told to."""

    def __init__(self, at_once=1, reserved=0):
        self.now_s = 0.0
        self.queue = FairQueue(at_once, reserved, lambda: self.now_s)
        self.began, self.ends, self.tasks, self.held_s = [], {}, {}, {}

    async def ask(self, name, asker):
        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._work(name, asker))
        await asyncio.sleep(0)

    async def _work(self, name, asker):
        async with self.queue.turn(asker):
            self.began.append(name)
            began_s = self.now_s
            await self.ends[name].wait()
            self.held_s[name] = self.now_s - began_s

    async def end(self, name, after_s=0.0):
        self.now_s += after_s
        self.ends[name].set()
        await settled()

    @property
    def running(self):
        return [name for name in self.began if not self.ends[name].is_set()]

    async def end_all(self):
        while left := self.running:
            await self.end(left[0])
        return self.began


async def settled():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_as_many_work_at_once_as_can():
    bench = Bench(at_once=2)
    for name in "abc":
        await bench.ask(name, Asking("acme"))
    assert bench.began == ["a", "b"]
    await bench.end("b")
    assert bench.began == ["a", "b", "c"]


async def test_tenants_take_turns():
    bench = Bench()
    for name in ("a1", "a2", "a3", "b1", "b2", "c1"):
        await bench.ask(name, Asking(name[0]))
    assert await bench.end_all() == ["a1", "a2", "b1", "c1", "a3", "b2"]


async def test_who_is_in_a_hurry_goes_first():
    bench = Bench()
    for name in ("first", "document 1", "document 2"):
        await bench.ask(name, Asking("acme"))
    await bench.ask("question", Asking("acme", SOON))
    assert (await bench.end_all())[1:] == ["question", "document 1", "document 2"]


async def test_who_asks_for_one_thing_goes_before_a_crowd():
    bench = Bench()
    for number in range(3):
        await bench.ask(f"acme {number}", Asking("acme", SOON))
    for tenant in ("bob", "carol"):
        await bench.ask(tenant, Asking(tenant, SOON))
    assert await bench.end_all() == ["acme 0", "bob", "carol", "acme 1", "acme 2"]


async def test_the_last_of_a_crowd_is_none():
    bench = Bench()
    for name in ("acme 1", "acme 2", "bob 1", "bob 2", "bob 3"):
        await bench.ask(name, Asking(name.split()[0], SOON))
    # what is left of acme is one question, once its first has ended
    assert await bench.end_all() == ["acme 1", "acme 2", "bob 1", "bob 2", "bob 3"]


async def test_a_question_that_is_searched_for_in_several_wordings_is_no_crowd():
    bench = Bench(at_once=4, reserved=3)
    for number in range(2):
        await bench.ask(f"acme {number}", Asking("acme", SOON))
    for number in range(3):
        await bench.ask(f"wording {number}", Asking("bob", SOON, "the one question"))
    assert bench.running == ["acme 0", "wording 0", "wording 1", "wording 2"]
    await bench.ask("another", Asking("bob", SOON, "another question"))
    await bench.end("acme 0")
    assert bench.running == ["wording 0", "wording 1", "wording 2", "acme 1"]
    await bench.end_all()


async def test_a_crowd_keeps_out_of_what_is_reserved():
    bench = Bench(at_once=4, reserved=3)
    for number in range(5):
        await bench.ask(f"acme {number}", Asking("acme", SOON))
        await bench.ask(f"document {number}", Asking("acme"))
    assert bench.running == ["acme 0"]
    for tenant in ("bob", "carol", "dan", "eve"):
        await bench.ask(tenant, Asking(tenant, SOON))
    assert bench.running == ["acme 0", "bob", "carol", "dan"]
    await bench.end("acme 0")
    assert bench.running == ["bob", "carol", "dan", "eve"]
    for tenant in ("bob", "carol", "dan"):
        await bench.end(tenant)
    assert bench.running == ["eve"]
    await bench.end("eve")
    assert bench.running == ["acme 1"]
    assert len(await bench.end_all()) == 14


@settings(max_examples=20)
@given(
    st.lists(st.floats(0.01, 1.0), min_size=1, max_size=6),
    st.floats(0.1, 10.0),
    st.integers(1, 3),
)
def test_while_it_waits_each_rank_has_its_share_of_the_time(steps_s, document_s, at_once):
    """Documents, a crowd and single questions are always waiting; none may take it all."""

    async def run():
        bench = Bench(at_once, reserved=at_once - 1)
        for number in range(60):
            await bench.ask(("bulk", number), Asking("acme"))
            await bench.ask(("crowd", number), Asking("acme", SOON))
        for number in range(60):
            for more in range(at_once):
                name = ("alone", number, more)
                await bench.ask(name, Asking(str(name), SOON))
            first = bench.running[0]
            await bench.end(
                first, document_s if first[0] == "bulk" else steps_s[number % len(steps_s)]
            )
        for task in bench.tasks.values():
            task.cancel()
        await settled()
        return bench.held_s

    held_s = asyncio.run(run())
    total_s = sum(held_s.values())
    slack_s = 4 * max(held_s.values())  # for turns under way, and one owed before the others
    of_rank = {
        rank: sum(held for name, held in held_s.items() if name[0] == rank)
        for rank in ("alone", "crowd", "bulk")
    }
    assert of_rank["crowd"] >= SHARE * total_s - slack_s
    assert of_rank["bulk"] >= SHARE * total_s - slack_s
    assert of_rank["alone"] >= (1 - 2 * SHARE) * total_s - slack_s


async def test_of_turns_that_take_as_long_each_rank_gets_its_share():
    bench = Bench()
    await bench.ask(("alone", 0), Asking("first", SOON))
    for number in range(60):
        await bench.ask(("bulk", number), Asking("acme"))
        await bench.ask(("crowd", number), Asking("acme", SOON))
        await bench.ask(("alone", number + 1), Asking(f"tenant {number}", SOON))
    for _ in range(40):
        await bench.end(bench.running[0], after_s=1.0)
    turns = Counter(rank for rank, _ in bench.began[:40])
    assert abs(turns["crowd"] - SHARE * 40) <= 1
    assert abs(turns["bulk"] - SHARE * 40) <= 1
    await bench.end_all()


async def test_what_is_owed_to_those_who_wait_no_longer_is_forgotten():
    bench = Bench()
    await bench.ask("long", Asking("acme", SOON))
    await bench.ask("document 1", Asking("acme"))
    await bench.end("long", after_s=60.0)
    await bench.end("document 1", after_s=0.1)
    for name in "abcd":
        await bench.ask(name, Asking(name, SOON))
    for number in (2, 3):
        await bench.ask(f"document {number}", Asking("acme"))
    await bench.end("a", after_s=0.1)
    while bench.running:
        await bench.end(bench.running[0], after_s=0.1)
    assert bench.began[2:] == ["a", "document 2", "b", "c", "d", "document 3"]


async def worked_until(bench, name, *, turn_s=1.0):
    """Let single questions come and go until somebody began; return how long they worked."""
    since_s, number = bench.now_s, 0
    while name not in bench.began:
        number += 1
        await bench.ask(("alone", since_s, number), Asking(f"tenant {number}", SOON))
        await bench.end(bench.running[0], after_s=turn_s)
    return bench.now_s - since_s


async def test_one_tenants_long_turn_is_not_paid_for_by_all_others_of_its_rank():
    bench = Bench()
    await bench.ask("alone", Asking("first", SOON))
    await bench.ask("bulk of 600 s", Asking("large"))
    await bench.ask("more alone", Asking("second", SOON))
    await bench.end("alone", after_s=1.0)
    assert bench.running == ["bulk of 600 s"]
    await bench.ask("bulk of 1 s", Asking("other"))
    await bench.end("bulk of 600 s", after_s=600.0)
    assert await worked_until(bench, "bulk of 1 s") <= (OWED_S_MAX / SHARE) * (1 - SHARE) + 1
    await bench.end_all()


async def test_one_tenants_long_turn_owes_no_others_rank_all_of_its_share():
    bench = Bench()
    await bench.ask("long", Asking("large", SOON))
    for number in range(200):
        await bench.ask(("bulk", number), Asking("acme"))
        await bench.ask(("alone", number), Asking(f"tenant {number}", SOON))
    await bench.end("long", after_s=7_000.0)
    began = len(bench.began)
    while ("alone", 0) not in bench.began or bench.began[-1][0] == "bulk":
        await bench.end(bench.running[0], after_s=1.0)
    first_s = bench.now_s - 7_000.0
    assert first_s <= OWED_S_MAX + 3
    assert len(bench.began) > began
    await bench.end_all()


async def test_who_is_cancelled_while_waiting_takes_no_turn():
    bench = Bench()
    for name in "abc":
        await bench.ask(name, Asking("acme"))
    bench.tasks["b"].cancel()
    await settled()
    assert await bench.end_all() == ["a", "c"]


async def test_who_is_cancelled_is_forgotten():
    bench = Bench()
    for name in range(100):
        await bench.ask(name, Asking("acme"))
    for name in range(1, 100):
        bench.tasks[name].cancel()
    await settled()
    assert not any(bench.queue._waiting.values())


async def test_one_who_is_cancelled_when_a_turn_becomes_free_is_passed_over():
    bench = Bench()
    for name in "abc":
        await bench.ask(name, Asking("acme"))
    bench.ends["a"].set()
    bench.tasks["b"].cancel()  # `a` hands its turn on before `b` can say that it waits no longer
    await settled()
    assert bench.began == ["a", "c"]
    assert bench.tasks["b"].cancelled()
    await bench.end_all()


async def test_a_turn_that_was_given_to_one_who_is_cancelled_at_that_moment_is_passed_on():
    bench = Bench()
    for name in "abc":
        await bench.ask(name, Asking("acme"))
    bench.ends["a"].set()
    await asyncio.sleep(0)  # `a` ends and hands its turn to `b`, which does not know it yet
    bench.tasks["b"].cancel()
    await settled()
    assert bench.began[-1] == "c"
    await bench.end("c")
    await bench.ask("d", Asking("acme"))
    assert bench.began[-1] == "d"


async def test_work_that_fails_gives_its_turn_back():
    queue = FairQueue(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with queue.turn(Asking("acme")):
                raise ZeroDivisionError


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=30),
    st.integers(1, 3),
    st.sets(st.integers(0, 29)),
)
def test_everybody_gets_a_turn_and_no_more_work_than_can(askers, at_once, cancelled):
    async def run():
        bench = Bench(at_once)
        for number, (tenant, hurried) in enumerate(askers):
            await bench.ask(number, Asking(tenant, SOON if hurried else 0))
        for number in cancelled & set(range(len(askers))) - set(bench.began):
            bench.tasks[number].cancel()
        await settled()
        while left := [name for name in bench.began if not bench.ends[name].is_set()]:
            assert len(left) <= at_once
            await bench.end(left[-1])
        for tenant in "abc":
            for kind in (True, False):
                of_one = [n for n in bench.began if askers[n] == (tenant, kind)]
                assert of_one == sorted(of_one)
        return set(bench.began)

    began = asyncio.run(run())
    assert set(range(len(askers))) - began <= cancelled


# ---------------------------------------------------------------------- what a bound counts


class OneAtATime:
    """A connector that does one thing at a time, each of which takes a while; None: for ever."""

    def __init__(self, work_s):
        self.queue, self.work_s = FairQueue(1), work_s

    def handlers(self):
        return {Embed: self.embed}

    def stream_handlers(self):
        return {}

    async def embed(self, request, call):
        await asyncio.gather(*(self._part(call) for _ in request.texts))
        return Embedded(vectors=(), model="m", dimensions=0)

    async def _part(self, call):
        async with self.queue.turn(call):
            if self.work_s is None:
                await asyncio.Event().wait()
            await asyncio.sleep(self.work_s)

    async def close(self): ...


def asked(world, texts=("x",), deadline=0):
    return world.ask(
        Embed(texts=texts, kind="passage"), Call("acme", 0, "r", "s", "e", "topic", 0, deadline)
    )


async def test_what_waits_behind_others_has_not_failed():
    with virtual_time():
        world = World((OneAtATime(0.02),), timeout_s=0.4)
        await asyncio.gather(*(asked(world) for _ in range(30)))


async def test_what_waits_in_several_parts_has_not_failed_either():
    with virtual_time():
        world = World((OneAtATime(0.02),), timeout_s=0.4)
        await asyncio.gather(*(asked(world, ("x", "y", "z")) for _ in range(10)))


async def test_what_works_for_too_long_has_failed_however_long_it_waited():
    world = World((OneAtATime(None),), timeout_s=0.05)
    results = await asyncio.gather(*(asked(world) for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [Transient] * 3


async def test_what_has_no_bound_gets_none_by_waiting():
    connector = OneAtATime(0.02)
    connector.handlers = lambda: {CountTokens: connector.embed}
    world = World((connector,), timeout_s=0.001)
    call = Call("acme", 0, "r", "s", "e", "topic", 0)
    await asyncio.gather(*(world.ask(CountTokens(texts=("x",)), call) for _ in range(3)))


async def test_who_waits_in_vain_blames_nobody():
    """Else one tenant's questions would open the circuit of the model for all others."""
    connector, circuits = OneAtATime(None), []

    def circuit(service):
        circuits.append(Circuit(service))
        return circuits[-1]

    connector.service = "models"
    world = World((connector,), timeout_s=0.05, blamed_s=0.0, circuit=circuit)
    async with connector.queue.turn(Asking("other")):
        for _ in range(FAILURES_MAX):
            with pytest.raises(Transient):
                await asked(world, deadline=SOON)
        assert circuits[0].state_of("acme") == CLOSED
    for _ in range(FAILURES_MAX):
        with pytest.raises(Transient):
            await asked(world, deadline=SOON)
    assert circuits[0].state_of("acme") != CLOSED


async def test_a_question_counts_what_it_waits():
    with virtual_time():
        connector = OneAtATime(0.0)
        world = World((connector,), timeout_s=0.05)
        async with connector.queue.turn(Asking("other")):
            document = asyncio.create_task(asked(world))
            with pytest.raises(Transient):
                await asked(world, deadline=SOON)
            assert not document.done()
        await document


async def test_a_bound_runs_on_when_it_was_resumed_as_often_as_it_was_suspended():
    async with asyncio.timeout(3_600) as timeout:
        bound = Bound(timeout)
        bound.suspend()
        bound.suspend()
        await asyncio.sleep(0)
        bound.resume()
        assert timeout.when() is None
        bound.resume()
        assert timeout.when() is not None
