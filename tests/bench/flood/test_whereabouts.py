"""Where the time of slow chats went: each part once, the slow ones alone, what grew first."""

import pytest

from bench.flood.visitor import Heard
from bench.flood.whereabouts import grown, mean_parts, parts_of, slow, whereabouts
from tests.bench.flood.gateway import FakeGateway


def step(name, began_ms, queued_ms, took_ms, **effects):
    asked = [{"kind": kind, "took_ms": ms} for kind, ms in effects.items()]
    return {
        "step": name,
        "began_us": 1_000 * began_ms,
        "queued_ms": queued_ms,
        "took_ms": took_ms,
        "effects": asked,
    }


def test_each_part_of_a_chat_counts_once_and_the_rest_is_told():
    timeline = {
        "steps": [
            step("gateway", 1_010, 0.0, 0.0),
            step("redact", 1_015, 5.0, 30.0, Detect=20.0, Seal=4.0),
            step("moderate", 1_050, 1.0, 2.0, Classify=9.0),
            step("moderate", 1_060, 2.0, 3.0),
        ]
    }
    parts = parts_of(timeline, Heard(0.0, 0.1, "completed", "r", 1_000_000))
    assert parts == {
        "gateway, queued": 0.0,
        "gateway, itself": 0.0,
        "redact, queued": 5.0,
        "redact, Detect": 20.0,
        "redact, Seal": 4.0,
        "redact, itself": 6.0,
        "moderate, queued": 3.0,
        "moderate, Classify": 9.0,
        "moderate, itself": 3.0,
        "until the gateway took it in": 10.0,
        "from its last record to its reader": 37.0,
        "the rest": 3.0,
    }


def test_a_mean_counts_those_without_a_part_too():
    assert mean_parts([{"a": 4.0}, {"a": 2.0, "b": 1.0}]) == {"a": 3.0, "b": 0.5}


def test_what_grew_most_comes_first_and_what_did_not_is_left_out():
    quiet = {"a": 10.0, "b": 10.0, "c": 10.0, "gone": 50.0}
    flooded = {"a": 20.0, "b": 200.0, "c": 14.9, "new": 30.0}
    assert grown(quiet, flooded) == [("b", 10.0, 200.0), ("new", 0.0, 30.0), ("a", 10.0, 20.0)]


@pytest.mark.parametrize(("chats", "expected"), [(1, [0]), (4, [3]), (9, [8, 7])])
def test_one_in_four_is_slow(chats, expected):
    heard = [(None, Heard(0.0, float(number), "completed", str(number))) for number in range(chats)]
    assert [one.request for _, one in slow(heard)] == list(map(str, expected))


async def test_it_is_looked_up_by_those_who_asked():
    visitor = FakeGateway().visitor()
    chats = [(visitor, await visitor.ask("Why?"))]
    parts = await whereabouts(chats)
    assert parts["redact, Detect"] == 3.0
    assert parts["redact, itself"] == 2.0
