"""Fields of records, in the ways that a text may hold one."""

import pytest

from agents.personal.record_fields import RecordFields, cells_of
from tests.agents.hostile import FAMILIES, filled, lines_run

FIELDS = {"fields": {"Customer_Name": "PERSON", "sku": "keep", "notes": "scan", "größe": "SIZE"}}


def read(*texts):
    fields = RecordFields.of(FIELDS)
    told = []
    for text in texts:
        values = fields.read(text)
        told.append(([one.of(text) for one in values.masked], [text[a:b] for a, b in values.kept]))
    return told[0] if len(told) == 1 else told


@pytest.mark.parametrize(
    ("text", "masked", "kept"),
    [
        ("customer_name: Anna Schmidt \nother: Bob", ["Anna Schmidt"], []),
        ("customer_name: Anna Dr. Schmidt sku: A-1 place: x", ["Anna Dr. Schmidt"], ["A-1"]),
        ("Our customer name: Anna Dr. Schmidt. She said: no", ["Anna Dr. Schmidt"], []),
        ("The customer_name: " + "x" * 300, ["x" * 199], []),
        ("a b c d e customer_name: Anna", ["Anna"], []),
        ("customer_name: Anna: sku: B", ["Anna:"], ["B"]),
        ("- CUSTOMER_NAME:\tAnna", ["Anna"], []),
        ("GRÖSSE: 1,90", ["1,90"], []),
        ("The customer_names: what it is", [], []),
        ("customer_name: ", [], []),
        ("customer_name:Anna", [], []),
        ('{"customer_name": "A \\"B\\" C", "sku": 12, "notes": "Bob"}', ['A \\"B\\" C'], ["12"]),
        ('{"customer_name": null, "n": {"customer_name" : "Ann"}}', ["null", "Ann"], []),
        ('{"customer_name": "Anna Sch', ["Anna Sch"], []),
        ('{"customer_name": "Anna\\', ["Anna"], []),
        ('{"sku": "A-1 of Anna', [], []),
        ('customer_name,sku\n"Schmidt, Anna",A-1\n,A-2\n\nx,y', ["Schmidt, Anna"], ["A-1", "A-2"]),
        ("sku;customer_name\nA;Anna\nB;Bob;x", ["Anna"], ["A"]),
        ("| customer_name | n |\n|:---|---|\n| Anna | 1 |", ["Anna"], []),
        ("n\tcustomer_name\n1\tAnna B", ["Anna B"], []),
        ("Report\nid | customer_name\n1 | Anna\ncustomer_name | id\nBob | 2", ["Anna", "Bob"], []),
        ("notes: Anna", [], []),
        ("Customer-name: Anna", ["Anna"], []),
        ("no fields, no table", [], []),
    ],
)
def test_the_values_of_fields_are_found(text, masked, kept):
    assert read(text) == (masked, kept)


def test_a_table_goes_on_in_the_next_chunk_and_ends_at_an_empty_line():
    assert read("customer_name | n\nAnna | 1", "Bob | 2\n\nCy | 3", "Dee | 4") == [
        (["Anna"], []),
        (["Bob"], []),
        ([], []),
    ]


def test_a_table_goes_on_under_the_title_and_headings_of_the_next_chunk_and_no_further():
    assert read(
        "customer_name | n\nAnna | 1",
        "Title\nHead > Head\n\nBob | 2\nCy | 3\n\nDee | 4",
        "Title\n\nEve | 5",
    ) == [(["Anna"], []), (["Bob", "Cy"], []), ([], [])]
    assert read("customer_name | n", "Title\n\ntext\n\nBob | 2") == [([], []), ([], [])]


def test_without_fields_there_is_nothing_to_look_for():
    assert RecordFields.of({}) is None
    assert RecordFields.of({"fields": {}}) is None
    assert RecordFields.of({"fields": {"notes": "scan"}}) is None


def test_cells_are_told_without_blanks_quotes_and_outer_marks():
    line = '  | a | "b" |'
    assert [line[a:b] for a, b in cells_of(line, "|")] == ["a", "b"]
    line = 'a,"b ""c"", d",'
    assert [line[a:b] for a, b in cells_of(line, ",")] == ["a", 'b ""c"", d', ""]
    assert list(cells_of("|", "|")) in ([(1, 1)], [])


HOSTILE = {
    **FAMILIES,
    "open texts": lambda size: filled('"a":"\\', size),
    "keys": lambda size: filled('"a":', size),
    "open quotes": lambda size: filled(',"', size),
    "heads": lambda size: filled("sku,customer_name\n", size),
    "a wide head": lambda size: "sku," * (size // 8) + "\n" + "x," * (size // 4),
    "names": lambda size: filled("a" * 64 + ":", size),
    "blanks": lambda size: "a:" + " " * size,
}


@pytest.mark.parametrize("family", sorted(HOSTILE))
def test_hostile_texts_are_read_in_steps_linear_in_them(family):
    counts = []
    for size in (2_000, 8_000):
        fields, text = RecordFields.of(FIELDS), HOSTILE[family](size)
        counts.append(sum(lines_run(lambda f=fields, t=text: f.read(t)).values()))
    assert counts[1] < 5 * counts[0] + 500
