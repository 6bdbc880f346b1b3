"""No row stands without its header, however long the table."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.readers.table_blocks import HEADER_CHARS_MAX, TABLE_CHARS, row_text, table

ROWS = st.lists(st.lists(st.text("ab c|\n", max_size=30), max_size=4), min_size=1, max_size=200)


def test_a_short_table_is_one_block():
    [one] = table([["Model", "Flow"], ["P1", "20"]])
    assert (one.kind, one.text) == ("table", "Model | Flow\nP1 | 20")


def test_a_long_table_repeats_its_header_in_each_block():
    rows = [["Model", "Flow"], *(["P" * 20, str(n)] for n in range(500))]
    blocks = list(table(rows))
    assert len(blocks) > 5
    assert all(one.text.startswith("Model | Flow\n") for one in blocks)
    assert all(len(one.text) <= TABLE_CHARS + 40 for one in blocks)
    said = [line for one in blocks for line in one.text.split("\n")[1:]]
    assert said == [row_text(row) for row in rows[1:]]


def test_a_header_that_would_be_most_of_each_block_stands_once():
    rows = [["H" * (HEADER_CHARS_MAX + 1)], *([str(n) * 300] for n in range(1, 9))]
    assert sum("H" in one.text for one in table(rows)) == 1


def test_what_has_no_header_repeats_nothing():
    blocks = list(table(([f"item {n}" * 9] for n in range(200)), headed=False))
    assert len(blocks) > 3
    assert sum("item 0item" in one.text for one in blocks) == 1


def test_empty_cells_keep_their_places_but_for_the_last_ones():
    assert row_text(["a", "", "b", "", " "]) == "a |  | b"
    assert row_text(["", ""]) == ""


@given(ROWS)
def test_every_cell_that_says_something_is_said_once_or_in_a_header(rows):
    text = "\n".join(one.text for one in table(rows))
    for row in rows:
        for cell in row:
            assert " ".join(cell.split()) in text or not cell.strip()
