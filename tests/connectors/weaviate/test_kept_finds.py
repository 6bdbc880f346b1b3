"""What was found for a run is known to its fetch, for a moment, and to no one else's."""

from dataclasses import replace

import pytest

from connectors.weaviate.kept_finds import KEPT_MAX, KEPT_S, FoundChunk, KeptFinds
from streams.running.world import Call

CALL = Call(tenant="acme", lane=0, request="r", session="s", event="e", topic="t", offset=7)
A, B = FoundChunk("uuid-a", 1), FoundChunk("uuid-b", 4)


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def kept(clock):
    return KeptFinds(clock)


def test_the_chunks_that_were_found_are_known_whichever_of_them_are_asked_for(kept):
    kept.keep(CALL, 1, -1, {"a": A, "b": B})
    assert kept.of(CALL, 1, -1, ["b", "a", "b"]) == {"a": A, "b": B}
    assert kept.of(CALL, 1, -1, ["a"]) == {"a": A}
    assert kept.of(CALL, 1, -1, []) == {}


@pytest.mark.parametrize(
    ("call", "generation", "as_of", "names"),
    [
        (replace(CALL, tenant="other"), 1, -1, ["a"]),
        (replace(CALL, event="other"), 1, -1, ["a"]),
        (CALL, 2, -1, ["a"]),
        (CALL, 1, 5, ["a"]),
        (CALL, 1, -1, ["a", "b"]),  # one of them was not found
    ],
)
def test_nobody_else_is_told_nor_of_anything_else(kept, call, generation, as_of, names):
    kept.keep(CALL, 1, -1, {"a": A})
    assert kept.of(call, generation, as_of, names) is None


def test_it_is_known_for_a_moment_alone(kept, clock):
    kept.keep(CALL, 1, -1, {"a": A})
    clock.now += KEPT_S / 2
    assert kept.of(CALL, 1, -1, ["a"])
    clock.now += KEPT_S / 2
    assert kept.of(CALL, 1, -1, ["a"]) is None


def test_several_searches_of_a_run_add_up_and_the_first_one_ages(kept, clock):
    kept.keep(CALL, 1, -1, {"a": A})
    clock.now += KEPT_S / 2
    kept.keep(CALL, 1, -1, {"b": B})
    assert kept.of(CALL, 1, -1, ["a", "b"]) == {"a": A, "b": B}
    clock.now += KEPT_S / 2
    assert kept.of(CALL, 1, -1, ["b"]) is None


def test_what_was_found_in_another_generation_or_long_ago_is_not_added_to(kept, clock):
    kept.keep(CALL, 1, -1, {"a": A})
    kept.keep(CALL, 2, -1, {"b": B})
    assert kept.of(CALL, 2, -1, ["a"]) is None
    clock.now += KEPT_S
    kept.keep(CALL, 2, -1, {"a": A})
    assert kept.of(CALL, 2, -1, ["a"]) == {"a": A}
    assert kept.of(CALL, 2, -1, ["b"]) is None


def test_no_more_runs_are_remembered_than_the_bound_and_none_that_is_over(kept, clock):
    calls = [replace(CALL, event=f"e{n}") for n in range(KEPT_MAX + 1)]
    for call in calls:
        kept.keep(call, 1, -1, {"a": A})
    assert kept.of(calls[0], 1, -1, ["a"]) is None
    assert kept.of(calls[1], 1, -1, ["a"])
    clock.now += KEPT_S
    kept.keep(CALL, 1, -1, {"a": A})
    assert len(kept._found) == 1
