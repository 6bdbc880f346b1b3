"""What is known and not in the file yet: found wherever it lies, and which of two of one name counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.listening.unwritten_rows import UnwrittenRows

COUNTS = ("first", "newest")


def spelt(name, row):
    return name, row


@pytest.mark.parametrize(("counts", "row"), [("first", 1), ("newest", 2)])
@pytest.mark.parametrize("fails", [False, True])
def test_of_two_of_one_name_the_same_counts_wherever_they_lie(counts, row, fails):
    rows = UnwrittenRows(counts)
    rows.put("a", 1)
    assert rows.to_write(spelt) == [("a", 1)]
    rows.put("a", 2)
    assert rows.look().find("a") == row
    assert rows.look().all() == {"a": row}
    if fails:
        rows.not_written()
        assert rows.to_write(spelt) == [("a", row)]
    else:
        rows.written()
        assert rows.to_write(spelt) == ([] if counts == "first" else [("a", 2)])


@pytest.mark.parametrize("counts", COUNTS)
def test_what_goes_into_the_file_between_two_looks_is_found_in_the_first(counts):
    """A look is taken before the file is asked."""
    rows = UnwrittenRows(counts)
    rows.put("a", 1)
    before = rows.look()
    rows.to_write(spelt)
    writing = rows.look()
    rows.written()
    assert (before.find("a"), writing.find("a"), rows.look().find("a")) == (1, 1, None)


class Swapped(UnwrittenRows):
    """Has its writer begin, and end, at the moment between the two parts of a look."""

    _fresh_part = None

    @property
    def _fresh(self):
        part = self._fresh_part
        if part and getattr(self, "armed", False):
            self.armed = False
            self.to_write(spelt)
        return part

    @_fresh.setter
    def _fresh(self, part):
        self._fresh_part = part


@pytest.mark.parametrize("counts", COUNTS)
def test_a_writer_that_begins_in_the_middle_of_a_look_hides_nothing(counts):
    rows = Swapped(counts)
    rows.put("a", 1)
    rows.armed = True
    assert rows.look().find("a") == 1


def test_forgotten_is_gone_from_both_parts():
    rows = UnwrittenRows("newest")
    rows.put("a", 1)
    rows.to_write(spelt)
    rows.put("b", 2)
    assert len(rows) == 2
    rows.forget()
    assert (len(rows), rows.look().all(), rows.written()) == (0, {}, 0)


@given(
    st.sampled_from(COUNTS),
    st.lists(
        st.one_of(
            st.tuples(st.just("put"), st.sampled_from("ab")),
            st.tuples(st.sampled_from(["write", "written", "not written"]), st.none()),
        )
    ),
)
def test_whatever_comes_when_the_file_and_what_is_unwritten_hold_what_counts(counts, steps):
    """The file is a dictionary that keeps the first, or takes the newest, as the statements do."""
    rows, file, true, writing = UnwrittenRows(counts), {}, {}, None
    for number, (step, name) in enumerate(steps):
        if step == "put":
            rows.put(name, number)
            true = {name: number, **true} if counts == "first" else {**true, name: number}
        elif step == "write" and writing is None:
            writing = dict(rows.to_write(spelt))
        elif step == "written" and writing is not None:
            file = {**writing, **file} if counts == "first" else {**file, **writing}
            assert rows.written() == len(writing)
            writing = None
        elif step == "not written" and writing is not None:
            rows.not_written()
            writing = None
        unwritten = rows.look().all()
        assert ({**unwritten, **file} if counts == "first" else {**file, **unwritten}) == true
