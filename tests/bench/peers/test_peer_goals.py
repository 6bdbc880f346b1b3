"""Goals: each beside what was measured, and none called reached that was not measured."""

import pytest

from bench.peers.contestants import HAYSTACK, PLAYHEAD
from bench.peers.peer_goals import PeerGoal, goals
from bench.peers.visits import peer_rows
from bench.spread import spread
from tests.bench.peers.test_visits import a_visit

FIGURES = {"memory, worker and gateway": "MB"}


def visits(users, **ours):
    return [a_visit(HAYSTACK, users=users), a_visit(PLAYHEAD, users=users, **ours)]


def named(rows, ingest=None):
    return {goal.name: goal for goal in goals(rows, ingest or {})}


def test_ratios_are_taken_from_the_rows_of_the_right_users():
    first = visits(1, first=90.0, own=100.0)
    crowded = visits(16, rate=5.0, first=110.0, own=60.0)
    rows = [*peer_rows([*first, *crowded])]
    rows[3].pss_mb.update(worker=300.0, gateway=99.0, documents=500.0)
    found = named(rows, {"squad": spread([12.0], [10.0]), "awsdocs": spread([1.4], [1.0])})
    assert {name: (goal.value, goal.reached) for name, goal in found.items()} == {
        "first text p50, 1 user": (pytest.approx(0.9), True),
        "chats/s, 16 users": (pytest.approx(1.25), True),
        "first text p50, 16 users": (pytest.approx(1.1), False),
        "CPU a chat, 16 users": (pytest.approx(1.2), True),
        "CPU a chat, 1 user": (pytest.approx(2.0), True),
        "memory, worker and gateway": (399.0, True),
        "documents/s, squad": (pytest.approx(1.2), True),
        "documents/s, awsdocs": (pytest.approx(1.4), False),
    }


def test_what_was_not_measured_is_neither_reached_nor_missed():
    found = named(peer_rows(visits(4)))
    assert {goal.value for goal in found.values()} == {None}
    assert {goal.reached for goal in found.values()} == {None}


def test_long_answers_are_no_part_of_the_goals():
    rows = peer_rows([a_visit(HAYSTACK, tokens=200), a_visit(PLAYHEAD, tokens=200)])
    assert named(rows)["CPU a chat, 1 user"].value is None


@pytest.mark.parametrize(
    ("value", "at_least", "reached"),
    [
        (1.2, True, True),
        (1.19, True, False),
        (1.2, False, True),
        (1.21, False, False),
        (None, True, None),
    ],
)
def test_a_bound_itself_is_reached(value, at_least, reached):
    assert PeerGoal("x", value, 1.2, at_least).reached is reached
