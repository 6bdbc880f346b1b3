"""The judge finds a flood that others wait behind, by the order of the log alone."""

import pytest

from tests.chaos.chain_log import ChainLog, answered
from tests.chaos.fairness import LATER_MAX, Floods, Turn, out_of_turn, turns_of, waits
from tests.chaos.judge import judge
from tests.chaos.judgement import merged
from tests.chaos.steps import chain


def turns(order, ends):
    """Judge questions in the order they were asked, f the flood's, n a neighbour's, x another's; ends as they came."""
    asked = [(name, name[0] == "n") for name in order.split()]
    ended = {name: place for place, name in enumerate(ends.split())}
    return turns_of(asked, ended, {name for name, _ in asked if name[0] == "f"})


@pytest.mark.parametrize(
    ("order", "ends", "found"),
    [
        ("f1 f2 n1 f3 f4", "f1 f2 n1 f3 f4", []),  # served in the order they came
        ("f1 f2 n1 f3 f4", "f1 n1 f2 f3 f4", [Turn(0, 1)]),
        ("f1 f2 n1 f3 f4", "f1 f2 f3 f4 n1", [Turn(2, 0)]),  # the flood goes first
        ("f1 f2 n1 f3 f4", "f1 f3 n1 f2 f4", [Turn(1, 1)]),
        ("n1 f1 n2", "f1 n2 n1", [Turn(1, 0)]),
        ("f1 x1 f2", "f1 f2 x1", []),  # neither of the flood nor a neighbour
        ("f1 n1 f2", "f2 f1", []),  # no end yet
        ("n1 n2", "n2 n1", []),
    ],
)
def test_a_turn_is_counted_by_order(order, ends, found):
    assert turns(order, ends) == found


def test_a_flood_that_is_served_first_is_named():
    order = ["n1", *(f"f{number}" for number in range(LATER_MAX + 1))]
    found = turns(" ".join(order), " ".join([*order[1:], "n1"]))
    [wrong] = out_of_turn([turn.later for turn in found])
    assert wrong.startswith("neighbours of a flood waited behind 201 of its questions")


@pytest.mark.parametrize("later", [[], [0, 1], [LATER_MAX] * 50, [0] * 95 + [9_999] * 5])
def test_what_other_faults_explain_is_no_failure(later):
    assert out_of_turn(later) == []


def test_turns_are_read_from_the_log():
    log = ChainLog()
    flood = [log.ask(f"r-f{number}", session=f"s-f{number}") for number in range(3)]
    neighbour = log.ask("r-n", session="s-n", tenant="other")
    late = log.ask("r-late", session="s-l")
    for given in (flood[0], late, neighbour, *flood[1:]):
        log.answer(given)
    expected = answered("r-f0", "r-f1", "r-f2", "r-n", "r-late")
    expected.flood |= {"r-f0", "r-f1", "r-f2", "r-late"}
    judged = judge(log, chain(), expected)
    assert (judged.failures, judged.later, judged.passed) == ([], [1], [2])
    assert merged([judged, judged]).later == [1, 1]


def test_neighbours_waits_are_parted_by_when_they_asked():
    floods = Floods([10.0], [{"f1", "f2"}], {"n1", "n2", "n3", "n4"})
    asked_s = {"f1": 10.0, "f2": 10.0, "n1": 9.0, "n2": 10.5, "n3": 13.5, "n4": 11.0}
    ends_s = {"f1": 11.0, "f2": 13.0, "n1": 9.5, "n2": 12.5, "n3": 14.0}
    assert waits(floods, asked_s, ends_s) == ([2.0], [0.5, 0.5])
    assert waits(Floods(), asked_s, ends_s) == ([], [])
