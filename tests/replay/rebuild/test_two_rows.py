"""One row on two sides: equal as far as the log tells, and what is to be written where it is not."""

import pytest

from replay.rebuild.made_tables import ERASED
from replay.rebuild.two_rows import TwoRows
from schemas import TableEntry, TableRow
from streams.delivery.rows import ROW_BYTES_MAX

MAX = 4


def entry(name, value=None, log="log", offset=None):
    digits = "".join(filter(str.isdigit, name)) or "0"
    at = int(digits) if offset is None else offset
    return TableEntry(event=name, value=(value or name).encode(), log=log, offset=at)


def row(*entries):
    return TableRow(
        entries=tuple(one if isinstance(one, TableEntry) else entry(one) for one in entries)
    )


def two(made, held, doubts=(), opened=()):
    why = dict(doubts) if isinstance(doubts, dict) else dict.fromkeys(doubts, "why")
    return TwoRows(made, held, why, lambda one: one.event in opened, lambda one: one.value)


@pytest.mark.parametrize(
    ("made", "held", "differs"),
    [
        (row("e1", "e2"), row("e1", "e2"), ""),
        (row("e1", "e2"), row("e1"), "it lacks the entry of e2 (offset 2)"),
        (row("e1"), row("e1", "e2"), "it holds the entry of e2 (offset 2), which no run wrote"),
        (row("e1", "e2"), row("e2", "e1"), "it holds the entry of e2 (offset 2) where the log has"),
        (row("e1"), row(entry("e1", "x")), "the entry of e1 (offset 1) says something else"),
        (row("e1"), row(entry("e1", offset=7)), "the entry of e1 (offset 1) names offset 7"),
        (row("e1"), row(entry("e1", log="", offset=-1)), ""),  # of 0.1.0
        (row("e1"), row(entry("e1", log="of before", offset=7)), ""),
        (row("e1"), row("e1", "e1"), "it holds an entry twice"),
        (row(), row("e1"), "it holds the entry of e1 (offset 1), which no run wrote"),
    ],
)
def test_entries_are_compared_by_event_place_and_what_they_say(made, held, differs):
    told = two(made, held).difference(MAX)
    assert told.startswith(differs)
    assert bool(told) is bool(differs)


@pytest.mark.parametrize("how", ["doubts", "opened"])
@pytest.mark.parametrize(
    ("made", "held"),
    [
        (row("e1"), row("e1", "e2")),
        (row("e1", "e2"), row("e1")),
        (row("e1", "e2"), row("e1", entry("e2", "x"))),
        # a row at its bound: what is passed over took the place of the oldest
        (row("e1", "e3", "e4", "e5"), row("e3", "e4", "e5", "e2")),
        (row("e3", "e4", "e5", "e2"), row("e1", "e3", "e4", "e5")),
    ],
)
def test_what_the_log_does_not_tell_is_passed_over_on_both_sides(made, held, how):
    assert two(made, held, **{how: ["e2"]}).difference(MAX) == ""
    assert two(made, held).difference(MAX) != ""


def test_a_row_that_had_room_must_hold_the_oldest_too():
    made, held = row("e1", "e3", "e4"), row("e3", "e4", "e2")
    assert two(made, held, opened=["e2"]).difference(MAX) == "it lacks the entry of e1 (offset 1)"


def test_bytes_are_a_bound_as_well():
    large = "x" * (ROW_BYTES_MAX // 2)
    made, held = row(entry("e1", large), "e3"), row("e3", entry("e2", large))
    assert two(made, held, opened=["e2"]).difference(MAX) == ""


@pytest.mark.parametrize(
    ("doubts", "told"),
    [
        ({}, None),
        ({"e1": ERASED}, ("erased", "")),
        ({"e1": ERASED, "e2": "no key here"}, ("unverifiable", "no key here")),
        ({"gone": "long ago"}, None),
    ],
)
def test_what_is_in_doubt_is_told_where_a_row_still_holds_it(doubts, told):
    assert two(row("e1"), row("e1", "e2"), doubts).doubt() == told


def test_whether_something_is_open():
    assert two(row("e1"), row("e1", "e2"), opened=["e2"]).opened
    assert not two(row("e1"), None, opened=["e2"]).opened


def names(table_row):
    return [one.event for one in table_row.entries]


@pytest.mark.parametrize(
    ("made", "held", "passed", "wanted"),
    [
        (row("e1"), None, [], ["e1"]),
        (row("e1", "e2"), row("e1"), [], ["e1", "e2"]),
        (row("e1"), row("e9"), [], ["e1"]),
        (row("e1"), row("e9", "e2"), ["e2"], ["e1", "e2"]),  # a run that goes on has written it
        (row("e1", "e2"), row("e2"), ["e2"], ["e1", "e2"]),
        (row("e1", "e3", "e4", "e5"), row("e2"), ["e2"], ["e3", "e4", "e5", "e2"]),
    ],
)
def test_what_is_wanted_is_what_the_log_says_and_what_it_does_not_tell(made, held, passed, wanted):
    assert names(two(made, held, opened=passed).wanted(MAX)) == wanted
