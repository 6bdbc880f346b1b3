"""Times after faults, from when each lane went on."""

import pytest

from tests.chaos.recovery import after_outage, longest_waits, recoveries


def waiting(times):
    """Return a `progress_after` that says so many seconds at each moment."""
    return lambda at_s: times[at_s]


@pytest.mark.parametrize(
    ("hits", "waited_s", "every", "alone"),
    [
        ([], {}, {}, {}),
        ([("kill", 1.0)], {1.0: 2.0}, {"kill": [2.0]}, {"kill": [2.0]}),
        # nothing was left to do after it
        ([("kill", 1.0)], {1.0: None}, {}, {}),
        # the second fell into the time that the first one took, so neither stood alone
        (
            [("kill", 1.0), ("pause", 2.0)],
            {1.0: 3.0, 2.0: 2.0},
            {"kill": [3.0], "pause": [2.0]},
            {},
        ),
        # the first took longer than the second, so the third does not stand alone either
        (
            [("kill", 1.0), ("pause", 2.0), ("stop", 5.0)],
            {1.0: 9.0, 2.0: 1.0, 5.0: 1.0},
            {"kill": [9.0], "pause": [1.0], "stop": [1.0]},
            {},
        ),
        (
            [("kill", 1.0), ("kill", 9.0)],
            {1.0: 3.0, 9.0: 4.0},
            {"kill": [3.0, 4.0]},
            {"kill": [3.0, 4.0]},
        ),
    ],
)
def test_a_fault_stands_alone_if_all_went_on_before_and_after_it(hits, waited_s, every, alone):
    assert recoveries(hits, waiting(waited_s)) == (every, alone)


def test_after_a_fault_those_count_that_were_open_or_came_soon_after():
    hits = [("kill", 10.0), ("cut", 30.0), ("kill", 60.0)]
    asked_s = {"before": 1.0, "open": 9.0, "soon": 12.0, "later": 17.0, "never": 9.0, "long": 21.0}
    ends_s = {
        "before": 9.9,
        "open": 13.0,
        "soon": 15.5,
        "later": 29.0,
        "long": 34.0,
        "nobody's": 50.0,
    }
    assert longest_waits(hits, asked_s, ends_s) == {
        "longest wait of a request about a kill": [3.5, 0.0],
        "longest wait of a request about a cut": [4.0],
    }


def test_of_an_outage_only_those_count_that_had_to_wait():
    asked_s, ends_s = {"r-1": 5.0, "r-2": 19.0, "r-3": 21.0}, {"r-1": 6.0, "r-2": 23.0, "r-3": 90.0}
    assert after_outage(10.0, 20.0, asked_s, ends_s, waiting({20.0: 1.5})) == {
        "away_s": 10.0,
        "lanes_went_on_s": 1.5,
        "all_that_waited_had_ended_s": 3.0,
    }


def test_where_nobody_waited_an_outage_cost_nothing():
    told = after_outage(10.0, 20.0, {"r-1": 25.0}, {}, waiting({20.0: None}))
    assert told["lanes_went_on_s"] == told["all_that_waited_had_ended_s"] == 0.0
