"""Rows hold what the run before left, as far as that is known."""

import pytest

from replay.cross_checks.table_rows import ReleaseRows, Rows
from schemas import Numbered, Placeholders, ReleaseState

NOTHING = Placeholders()
KEY = ("acme", "s")


def state(name):
    return Placeholders(entries=(Numbered(placeholder=name, kind="K", digest="d"),))


def written(*names, rows=None, code="1"):
    rows = rows or Rows(NOTHING)
    for number, name in enumerate(names):
        rows.write(KEY, state(name), f"e{number}", code)
    return rows


def test_a_row_that_nobody_wrote_is_empty():
    assert Rows(NOTHING).against_read(KEY, NOTHING, "e", "1") == ""
    assert "no run before wrote it" in Rows(NOTHING).against_read(KEY, state("a"), "e", "1")


def test_a_run_reads_what_the_run_before_it_wrote():
    rows = written("a", "b")
    assert "left another state" in rows.against_read(KEY, state("a"), "e9", "1")
    assert "left another state" in rows.against_read(KEY, NOTHING, "e9", "1")
    assert rows.against_read(KEY, state("b"), "e9", "1") == ""
    assert rows.against_read(KEY, state("b"), "e10", "1") == ""
    assert rows.holds(KEY, state("b"))
    assert not rows.holds(("acme", "other"), state("b"))


def test_a_run_that_is_made_again_reads_what_it_read_the_first_time():
    rows = written("a", "b")
    assert rows.against_read(KEY, state("a"), "e1", "1") == ""
    assert "read otherwise before" in rows.against_read(KEY, state("b"), "e1", "1")
    rows.write(KEY, state("c"), "e1", "1")
    assert rows.against_read(KEY, state("a"), "e1", "1") == ""
    assert rows.against_read(KEY, state("c"), "e2", "1") == ""


def test_rows_may_begin_anew_with_a_release_and_not_within_one():
    assert written("a").against_read(KEY, NOTHING, "e9", "2") == ""
    assert written("a").against_read(KEY, NOTHING, "e9", "1")
    assert written("a").against_read(KEY, state("b"), "e9", "2")


def test_a_row_of_a_run_that_can_not_be_made_again_is_known_once_it_is_read():
    rows = written("a")
    rows.forget(KEY)
    assert rows.unknown(KEY)
    assert rows.against_read(KEY, state("b"), "e8", "1") == ""
    assert not rows.unknown(KEY)
    assert "another state" in rows.against_read(KEY, state("a"), "e9", "1")


def test_no_more_rows_are_followed_than_there_is_room_for():
    rows = Rows(NOTHING, rows_max=2)
    for name in "abc":
        rows.write(("acme", name), state(name), "e", "1")
    assert rows.against_read(("acme", "a"), state("whatever"), "e9", "1") == ""
    assert rows.against_read(("acme", "c"), state("whatever"), "e9", "1")


NOT_BEGUN = ReleaseState()
FIRST, OTHER = (ReleaseState(batch=0, released=text) for text in ("one", "other"))


def test_a_batch_reads_what_the_batch_before_left_in_whichever_attempt():
    rows = ReleaseRows()
    assert rows.against_read(KEY, 1, FIRST) == "no batch before left it"
    for state in (FIRST, OTHER):
        rows.write(KEY, state)
    for state in (FIRST, OTHER):
        assert rows.against_read(KEY, 1, state) == ""
        assert rows.against_read(KEY, 2, state) == ""  # the batch between was rejected
    for forged in (ReleaseState(batch=0), ReleaseState(batch=1, released="one")):
        assert rows.against_read(KEY, 2, forged) == "no batch before left it"


def test_no_batch_reads_its_own_state_or_a_later_one():
    rows = ReleaseRows()
    rows.write(KEY, FIRST)
    assert "comes later, or of its own" in rows.against_read(KEY, 0, FIRST)


@pytest.mark.parametrize("batch", [0, 1, 3])
def test_nothing_may_have_begun_for_a_batch_however_much_was_written_before(batch):
    rows = ReleaseRows()
    assert rows.against_read(KEY, batch, NOT_BEGUN) == ""
    rows.write(KEY, FIRST)  # then the answer was begun anew
    assert rows.against_read(KEY, batch, NOT_BEGUN) == ""


def test_of_a_row_that_a_lost_run_may_have_written_nothing_is_known():
    rows = ReleaseRows()
    rows.forget(KEY)
    assert rows.against_read(KEY, 1, FIRST) == ""
    rows.write(KEY, OTHER)
    assert rows.against_read(KEY, 1, FIRST) == ""


@pytest.mark.parametrize("answers", [4_000, 4_001])
def test_answers_are_followed_as_long_as_the_table_keeps_them(answers):
    rows = ReleaseRows()
    for number in range(answers):
        rows.write(("acme", str(number)), ReleaseState(batch=0))
    held = ReleaseState(batch=0, held="x")
    assert bool(rows.against_read(("acme", "0"), 1, held)) is (answers == 4_000)
