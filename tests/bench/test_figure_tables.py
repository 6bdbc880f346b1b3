"""Tables of figures line up, and names stay on one line."""

import io

import pytest
from rich.console import Console

from bench.figure_tables import figure_table
from tests.bench.shown import shown


def lines_of(*rows, names=("program", "rate", "x")):
    table = figure_table(*names)
    for row in rows:
        table.add_row(*row)
    return shown(lambda console: console.print(table)).splitlines()


def test_figures_end_where_their_heads_end():
    head, one, other = lines_of(("ours", "9,000", "9.00x"), ("theirs", "12", "1.00x"))
    assert head.split() == ["program", "rate", "x"]
    assert one.index("9,000") + len("9,000") == other.index("12") + len("12")
    assert head.rindex("rate") + len("rate") == one.index("9,000") + len("9,000")


def test_names_begin_where_their_head_begins():
    for line in lines_of(("ours", "1", ""), ("a much longer name", "2", "")):
        assert not line.startswith(" ")


@pytest.mark.parametrize("words", [1, 5, 20])
def test_a_name_of_several_words_stays_on_one_line(words):
    name = " ".join(["word"] * words)
    table = figure_table("program", *["a figure with a long head"] * 5)
    table.add_row(name, *"12345")
    text = io.StringIO()
    Console(file=text, width=len(name) + 40).print(table)
    assert name in text.getvalue()


def test_a_table_may_hold_names_alone():
    assert [line.strip() for line in lines_of(("one",), ("two",), names=("name",))] == [
        "name",
        "one",
        "two",
    ]
