"""Visits: their order, what one shows, and how two of them become a row with a ratio."""

import asyncio
import os
import threading
from dataclasses import replace

import pytest

from bench.child import MeasurementFailed
from bench.peers.askers import PeerAddress, Waits, WrongWork
from bench.peers.contestants import Contestant
from bench.peers.corpus import SHORT, places, questions
from bench.peers.usage import Programs
from bench.peers.visits import (
    PeersPlan,
    Visit,
    in_order,
    peer_rows,
    rows_as_json,
    told,
    visit,
    visit_all,
)
from tests.bench.peers.peer_in_memory import peer, whole
from tests.bench.peers.test_askers import rightly

WAITS = Waits(8, 4.0, 100.0, 150.0, 300.0, 1, 2)


def a_visit(program, rate=4.0, first=100.0, own=50.0, tokens=48, users=1):
    waits = replace(WAITS, rate=rate, first_p50_ms=first, first_p95_ms=2 * first)
    return Visit(
        program, tokens, users, waits, {"service": own, "triton": 7.0}, own, {"service": own * 2}
    )


def standing(name, address=None):
    return Contestant(name, address or PeerAddress("http://127.0.0.1:9"), (), Programs({}))


def test_programs_are_visited_there_and_back():
    a, b, p = map(standing, "ABP")
    assert [one.name for one in in_order([a, b, p])] == ["A", "B", "P", "P", "B", "A"]


def test_a_row_has_both_visits_and_their_ratios_to_the_same_place_in_the_order():
    visits = [
        a_visit("Haystack", 10.0, 100.0, 40.0), a_visit("Playhead", 5.0, 150.0, 100.0),
        a_visit("Playhead", 8.0, 50.0, 120.0), a_visit("Haystack", 16.0, 200.0, 60.0),
    ]  # fmt: skip
    base, ours = peer_rows(visits)
    assert (base.program, base.rate.ratio, base.rate.low, base.rate.high) == (
        "Haystack",
        1.0,
        10.0,
        16.0,
    )
    assert ours.rate.median == 6.5
    assert ours.rate.ratio == 0.5
    assert ours.first_p50_ms.ratio == pytest.approx((1.5 + 0.25) / 2)
    assert ours.own_cpu_ms.ratio == pytest.approx((2.5 + 2.0) / 2)
    assert ours.cpu_ms == {"service": 110.0, "triton": 7.0}
    assert ours.pss_mb == {"service": 220.0}
    assert (ours.refused, ours.degraded) == (2, 4)


def test_rows_are_apart_by_users_and_tokens_and_nothing_is_set_beside_another_size():
    visits = [a_visit("Haystack"), a_visit("Playhead", users=4), a_visit("Playhead", tokens=200)]
    assert [(row.tokens, row.users, row.rate.ratio) for row in peer_rows(visits)] == [
        (48, 1, 1.0), (48, 4, None), (200, 1, None),
    ]  # fmt: skip


def test_rows_are_json():
    [row] = rows_as_json(peer_rows([a_visit("Haystack")]))
    assert row["program"] == "Haystack"
    assert row["rate"]["median"] == 4.0


def test_a_line_tells_what_a_visit_showed():
    assert (
        told(a_visit("Quix"))
        == "48 tokens, 1 users: Quix: 4.0 chats/s, first text 100 ms, CPU 50 ms a chat"
    )


@pytest.fixture
def served():
    """Run a peer in a thread of its own, since a visit has a loop of its own; yields where it is."""
    loop, ready, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    found = {}

    async def serve():
        async with peer(lambda text: found["answer"](text)) as (at, _):  # noqa: PLW0108 - it is written later
            found["at"] = at
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait()
    yield found
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


def test_all_are_visited_at_each_size(served):
    served["answer"] = rightly
    one = Contestant(
        "Haystack", served["at"], ("me",), Programs({"me": (os.getpid(),), "other": ()})
    )
    said = []
    visits = visit_all([one], PeersPlan(tokens=(SHORT,), chats=((1, 2), (2, 5))), said.append)
    assert [(v.users, v.waits.chats) for v in visits] == [(1, 2), (1, 2), (2, 5), (2, 5)]
    assert len(said) == 4
    for each in visits:
        assert each.own_cpu_ms == each.cpu_ms["me"] >= 0
        assert each.cpu_ms["other"] == 0
        assert each.pss_mb["me"] > 10


def test_a_visit_with_a_wrong_answer_is_none(served):
    served["answer"] = lambda _: whole("No.", places()[0].uri)
    with pytest.raises(WrongWork, match="1 of 48 tokens came"):
        visit_all(
            [standing("Quix", served["at"])], PeersPlan(tokens=(SHORT,), chats=((1, 2),)), print
        )


def test_a_program_that_has_ended_is_told_before_it_is_asked():
    class Ended:
        def check(self):
            raise MeasurementFailed("ended with 1: no word")

    one = replace(standing("Quix"), children=(Ended(),))
    with pytest.raises(MeasurementFailed, match="ended with 1"):
        visit_all([one], PeersPlan(tokens=(SHORT,), chats=((1, 2),)), print)


def test_each_program_goes_its_own_way_through_the_questions():
    first, second = questions(SHORT), questions(SHORT)
    assert next(first) == next(second)


def test_cpu_is_that_of_a_chat_in_milliseconds_and_that_of_its_own_programs_apart(served):
    class Counted:
        looks = iter([{"service": 1.0, "triton": 5.0}, {"service": 3.0, "triton": 5.5}])

        def cpu_s(self):
            return next(self.looks)

        def pss_mb(self):
            return {"service": 20.0}

    served["answer"] = rightly
    one = replace(standing("Quix", served["at"]), own=("service",), programs=Counted())
    found = visit(one, SHORT, 1, 4, questions(SHORT))
    assert found.cpu_ms == {"service": 500.0, "triton": 125.0}
    assert (found.own_cpu_ms, found.pss_mb) == (500.0, {"service": 20.0})
