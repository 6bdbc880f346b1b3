"""Runs that are waited for: few of them in memory, however many there are, and none is lost."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.lineage.lineage_walk import LineageWalk
from replay.lineage.run_shelf import LineageRun, RunShelf
from schemas import AnswerRetracted, DocumentWithdrawn, Verdict
from streams.log.addressing import address_of
from tests.fakes import a_codec, a_meta
from tests.memory_log import MemoryLog

RUNS, KEPT, STRETCH = 300, 5, 7
BEGINS_AT = 1_000_000  # microseconds


def began(number):
    meta = a_meta(request=f"r-{number}", at=BEGINS_AT + number)
    return DocumentWithdrawn(meta=meta, document=f"d-{number}")


def ended(number):
    meta = a_meta(request=f"r-{number}", at=2 * BEGINS_AT + number)
    return AnswerRetracted(meta=meta, reason="", verdict=Verdict(allowed=False), subject="u")


def a_log(*entries):
    """A log of events, each with the time that the broker has of it."""
    log, codec = MemoryLog(), a_codec()
    for event, timestamp_ms in entries:
        topic, partition, key, headers = address_of(event)
        value = codec.encode(event)
        log.put(topic, value, key, partition, headers, timestamp_ms)
    return log


ALL_BEGIN_FIRST = a_log(
    *((began(number), number) for number in range(RUNS)),
    *((ended(number), RUNS + number) for number in range(RUNS)),
)
ALL_END_FIRST = a_log(
    *((ended(number), number) for number in range(RUNS)),
    *((began(number), RUNS + number) for number in range(RUNS)),
)
ONE_BY_ONE = a_log(
    *((began(number), 2 * number) for number in range(RUNS)),
    *((ended(number), 2 * number + 1) for number in range(RUNS)),
)
AT_ONE_TIME = a_log(
    *((began(number), 0) for number in range(RUNS)), *((ended(number), 0) for number in range(RUNS))
)


def by_run(events):
    """The states of each run, in the order in which they were told."""
    found = {}
    for event in events:
        [tag] = event["run"]["facets"]["tags"]["tags"]
        found.setdefault(tag["value"], []).append((event["eventType"], event["eventTime"]))
    return found


class CountingWalk(LineageWalk):
    """Counts what is in memory when there is most of it, and what is on the disk."""

    def __init__(self):
        super().__init__("l", stretch=STRETCH, kept_max=KEPT)
        self.most, self.shelved_most = 0, 0

    def _take(self, *given):
        super()._take(*given)
        self.most = max(self.most, self.fold.held)
        self.shelved_most = max(self.shelved_most, self.fold.shelved)


@pytest.mark.parametrize(
    ("log", "shelved"),
    [
        (ALL_BEGIN_FIRST, RUNS - KEPT - STRETCH),
        (AT_ONE_TIME, RUNS - KEPT - STRETCH),
        (ALL_END_FIRST, RUNS - KEPT - STRETCH),
        (ONE_BY_ONE, 0),
    ],
)
def test_no_more_are_in_memory_than_may_be_and_all_are_told(log, shelved):
    walk = CountingWalk()
    events = list(walk.events(log))
    assert walk.most <= 2 * KEPT + STRETCH  # those that are waited for, and those that ended
    assert walk.shelved_most >= shelved
    assert (walk.shelved_most > 0) == (shelved > 0)
    assert walk.fold.shelved == 0
    assert by_run(events) == by_run(LineageWalk("l").events(log))
    assert {len(states) for states in by_run(events).values()} == {2}
    assert len(by_run(events)) == RUNS


@given(st.lists(st.integers(1, 40)))
def test_whoever_leaves_off_gets_the_rest_and_nothing_twice(taken):
    walk, found = LineageWalk("l", stretch=STRETCH, kept_max=KEPT), []
    for count in taken:
        events = walk.events(ALL_BEGIN_FIRST)
        found += islice(events, count)
        events.close()
    found += walk.events(ALL_BEGIN_FIRST)
    assert found == list(LineageWalk("l", stretch=STRETCH, kept_max=KEPT).events(ALL_BEGIN_FIRST))


def test_nothing_piles_up_behind_a_collector_that_takes_one_event_a_pass():
    walk = CountingWalk()
    for _ in range(RUNS):
        events = walk.events(ALL_BEGIN_FIRST)
        assert len(list(islice(events, 1))) == 1
        events.close()
    assert walk.most <= 2 * KEPT + 2 * STRETCH


def test_a_run_comes_back_from_the_shelf_as_it_was_put_there():
    shelf = RunShelf()
    run = LineageRun("acme", "r", "ingest", 1, "0.2", 2, "FAIL", "e", {"d": (3, "file:///x")}, ("a",),
                     "DROP", {0: 4, 1: 5}, told=True)  # fmt: skip
    assert shelf.take(("acme", "r")) is None
    shelf.put(run)
    assert len(shelf) == 1
    assert shelf.take(("globex", "r")) is None
    assert shelf.take(("acme", "r")) == run
    assert (len(shelf), shelf.take(("acme", "r"))) == (0, None)
