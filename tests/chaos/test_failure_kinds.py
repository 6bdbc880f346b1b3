"""Failures are told by kind, each with how many there are and the first of them."""

import uuid
from collections import Counter

import pytest

from replay.report import Difference, Report
from tests.chaos.failure_kinds import EXAMPLES_MAX, kind_of, kinds_in
from tests.chaos.judgement import Judgement
from tests.chaos.plan import Plan
from tests.chaos.result import Result

PLAN = Plan(seed=1, kills=0)


def ids(count):
    return [str(uuid.UUID(int=number)) for number in range(count)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"request {ids(2)[0]} has no end", f"request {ids(2)[1]} has no end"),
        ("playhead.a[3]@17 can't be read", "playhead.a[0]@4 can't be read"),
        (
            "question k-1 has the deltas 'it\\'s' and the text ''",
            "question k-2 has the deltas \"'\" and the text 'b'",
        ),
        (f"poisoned by {'ab' * 32}", f"poisoned by {'cd' * 32}"),
        ("it grows by 3.7 MiB over 90,000", "it grows by 12 MiB over 8"),
        ("verify: no such step: {'id': 'a', 'offset': {}}", "verify: no such step: {'id': 'b'}"),
    ],
)
def test_what_is_said_of_different_places_is_of_one_kind(one, other):
    assert kind_of(one) == kind_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("request r-1 has no end", "request r-1 is not on the log"),
        ("ingest acknowledged a[1]@2", "embed acknowledged a[1]@2"),
        ("verify: no such step: {'id': 'a'}", "verify: it differs: {'id': 'a'}"),
    ],
)
def test_what_says_something_else_is_of_another_kind(one, other):
    assert kind_of(one) != kind_of(other)


def test_of_each_kind_all_are_counted_and_the_first_are_kept():
    many = [f"request {id_} has no end" for id_ in ids(1_000)]
    [ends, logs] = kinds_in([*many, "request r-1 is not on the log"])
    assert (ends.count, ends.examples) == (1_000, many[:EXAMPLES_MAX])
    assert (logs.count, logs.examples) == (1, ["request r-1 is not on the log"])


def test_a_table_shows_every_kind_however_many_there_are_of_another():
    lost = [f"request {id_} has no end" for id_ in ids(1_000)]
    differs = Difference("t", 0, 1, "e", "s", "it differs")
    judged = Judgement(lost=lost, folds=["asked before it was told"])
    result = Result(PLAN, judged, Report(diverged=[differs]), Counter())
    table = str(result)
    assert "1,000 x request … has no end" in table
    assert sum(line.endswith("has no end") for line in table.splitlines()) == 1 + EXAMPLES_MAX
    assert "1 x asked before it was told" in table
    assert "1 x verify, diverged: it differs" in table
    assert "1,002, of 3 kinds" in table
    told = result.as_json()
    assert len(told["failures"]) == 1_002
    assert [(one["count"], len(one["examples"])) for one in told["failure_kinds"]] == [
        (1_000, 5),
        (1, 1),
        (1, 1),
    ]
