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


def test_a_batch_reads_what_the_batch_before_left_in_whichever_attempt():
    rows = ReleaseRows()
    assert rows.against_read(KEY, ReleaseState()) == ""
    assert rows.against_read(KEY, ReleaseState(batch=0, released="x"))
    for text in ("one", "other"):
        rows.write(KEY, ReleaseState(batch=0, released=text))
    for text in ("one", "other"):
        assert rows.against_read(KEY, ReleaseState(batch=0, released=text)) == ""
    for forged in (ReleaseState(batch=0), ReleaseState(batch=1, released="one"), ReleaseState()):
        assert "no batch before left it" in rows.against_read(KEY, forged)


@pytest.mark.parametrize("answers", [4_000, 4_001])
def test_answers_are_followed_as_long_as_the_table_keeps_them(answers):
    rows = ReleaseRows()
    for number in range(answers):
        rows.write(("acme", str(number)), ReleaseState(batch=0))
    assert bool(rows.against_read(("acme", "0"), ReleaseState(batch=0, held="x"))) is (
        answers == 4_000
    )
