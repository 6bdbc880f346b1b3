"""Tables, values, elements and lines: each record by itself, no text lost, nothing expanded."""

import csv
import io
import json
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.readers.json_values import LINE_CHARS_MAX, NO_JSON, SOME_LINES
from connectors.readers.named_rows import CELLS_MAX, NAME_CHARS_MAX
from connectors.readers.parsing import parse
from connectors.readers.xml_elements import BROKEN, ENTITIES

CSV, TSV, JSON = "text/csv", "text/tab-separated-values", "application/json"
JSONL, XML, SOURCE = "application/jsonl", "application/xml", "text/x-source"


def read(kind, content, notes=()):
    parsed = parse(kind, content if isinstance(content, bytes) else content.encode())
    assert (parsed.error, parsed.notes) == ("", notes)
    return [
        (f"h{one.level}" if one.kind == "heading" else one.kind, one.text) for one in parsed.blocks
    ]


# ---------------------------------------------------------------------- rows


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Locker,Code\n103,4713\n104,4714\n", ["Locker: 103; Code: 4713", "Locker: 104; Code: 4714"]),
        ("Locker;Code\n103;4,5\n", ["Locker: 103; Code: 4,5"]),
        ("Locker|Code\n103|4713", ["Locker: 103; Code: 4713"]),
        ("sep=:\nLocker:Code\n103:4713", ["Locker: 103; Code: 4713"]),
        ('Name,Note\n"Bo, Ada","a ""b""\nc"\n', ['Name: Bo, Ada; Note: a "b" c']),
        ("Name,Note\nBo,\n,x\n", ["Name: Bo", "Note: x"]),
        ("Name,Note\nBo,x,y\n", ["Name: Bo; Note: x; y"]),
        ("1,2\n3,4\n", ["1; 2", "3; 4"]),
        ("2024-01-02,a\n2024-01-03,b\n", ["2024-01-02; a", "2024-01-03; b"]),
        ('a,b\n1,"open\n2,3\n', ['a: 1; b: "open', "a: 2; b: 3"]),
        ("one\ntwo\n", ["one", "two"]),
        ("n,\u00e9\r\n1,2\r\n", ["n: 1; \u00e9: 2"]),
    ],
)  # fmt: skip
def test_each_row_names_its_columns(text, lines):
    rows = [said for kind, said in read(CSV, text) if kind == "list"]
    assert "\n".join(rows).split("\n") == lines


def test_what_stands_above_the_names_of_columns_is_read():
    text = "Lockers of 2024\n\nLocker,Code\n103,4713\n104,4714\n"
    assert read(CSV, text) == [
        ("paragraph", "Lockers of 2024"),
        ("paragraph", "Locker; Code"),
        ("list", "Locker: 103; Code: 4713\nLocker: 104; Code: 4714"),
    ]


def test_a_table_between_tabs_may_hold_any_other_delimiter():
    assert read(TSV, "a\tb\nx, y; z\t1") == [
        ("paragraph", "a; b"),
        ("list", "a: x, y; z; b: 1"),
    ]


def test_the_name_of_a_column_is_cut_since_it_stands_with_every_row():
    [_, (_, text)] = read(CSV, "n" * 900 + ",m\na,b\n")
    assert text == f"{'n' * NAME_CHARS_MAX}: a; m: b"


def test_a_million_cells_are_read_and_more_than_may_be_are_refused():
    rows = "1,2,3,4,5,6,7,8,9,10\n"
    parsed = parse(CSV, ("a,b,c,d,e,f,g,h,i,j\n" + rows * 100_000).encode())
    assert sum(one.text.count("\n") + 1 for one in parsed.blocks) == 100_000 + 1  # and the names
    parsed = parse(CSV, (rows * (CELLS_MAX // 10 + 1)).encode())
    assert parsed.error.startswith(f"the document has more than {CELLS_MAX} values: split it")


CELLS = st.text(st.sampled_from('ab ,;"\t|\n'), max_size=8).map(str.strip)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1, max_size=8))
def test_no_word_of_a_table_is_lost(rows):
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    text = out.getvalue()
    said = " ".join(one.text for one in parse(CSV, text.encode()).blocks)
    for letter in "ab":
        assert said.count(letter) >= sum(cell.count(letter) for row in rows for cell in row)


# ---------------------------------------------------------------------- values


def test_each_record_of_a_list_is_a_line():
    records = [{"locker": 103, "owner": {"name": "Bo"}}, {"locker": 104, "new": True, "x": None}]
    lines = "locker: 103; owner.name: Bo\nlocker: 104; new: true"
    assert read(JSON, json.dumps(records)) == [("list", lines)]
    assert read(JSONL, "\n".join(map(json.dumps, records))) == [("list", lines)]


def test_records_within_an_object_stand_below_their_name():
    value = {"port": 80, "users": [{"n": "x"}, {"n": "y"}], "tags": ["a", "b"]}
    assert read(JSON, json.dumps(value)) == [
        ("list", "port: 80"),
        ("h2", "users"),
        ("list", "n: x\nn: y"),
        ("list", "tags: a, b"),
    ]


def test_a_long_record_is_a_block_of_its_own():
    long = {"a": "x" * LINE_CHARS_MAX, "b": 1}
    assert read(JSON, json.dumps([{"a": 1}, long, {"a": 2}])) == [
        ("list", "a: 1"),
        ("paragraph", f"a: {'x' * LINE_CHARS_MAX}\nb: 1"),
        ("list", "a: 2"),
    ]


@pytest.mark.parametrize("number", ["1.50", "1" * 5_000, "1E400", "-0.0", "0.1234567890123456789"])
def test_numbers_stay_as_they_are_spelt(number):
    assert read(JSON, f'{{"a": {number}}}') == [("list", f"a: {number}")]


def test_a_name_may_stand_twice():
    assert read(JSON, '{"a": 1, "a": 2}') == [("list", "a: 1\na: 2")]


@pytest.mark.parametrize("text", ['{"a": 1, "b": ', "{a: 1}", "[" * 20_000 + "1" + "]" * 20_000])
def test_what_is_no_json_is_read_as_it_stands(text):
    assert read(JSON, text, (NO_JSON,)) == [("code", text.strip())]


def test_a_broken_line_is_text_among_records():
    assert read(JSONL, '{"a":1}\nbroken\n\n{"a":2}', (SOME_LINES,)) == [
        ("list", "a: 1\nbroken\na: 2")
    ]


def test_too_many_values_are_refused_before_they_are_read():
    assert "values: split it" in parse(JSON, b"[" + b"1," * (CELLS_MAX + 1) + b"1]").error


WORDS = st.text("abc", min_size=1, max_size=4)
VALUES = st.recursive(
    WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)


def leaves(value):
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from leaves(one)
    else:
        yield value


@given(VALUES)
def test_no_word_of_json_is_lost(value):
    parsed = parse(JSON, json.dumps(value).encode())
    said = " ".join(one.text for one in parsed.blocks).replace(",", " ").replace(";", " ").split()
    assert all(leaf in said for leaf in leaves(value))


# ---------------------------------------------------------------------- elements


def test_a_book_has_its_titles_and_prose():
    book = (
        "<book><title>Pump</title><chapter id='c1'><title>Use</title><para>Fill <b>i</b>t up.</para>"
        "<programlisting>x = 1\n  y</programlisting><section><title>More</title><para>x</para>"
        "</section></chapter><chapter><title>Care</title><para>Oil it.</para></chapter></book>"
    )
    assert parse(XML, book.encode()).title == "Pump"
    assert read(XML, book) == [
        ("h1", "Pump"),
        ("list", "chapter: id: c1"),
        ("h2", "Use"),
        ("paragraph", "Fill it up."),
        ("code", "x = 1\n  y"),
        ("h3", "More"),
        ("paragraph", "x"),
        ("h2", "Care"),
        ("paragraph", "Oil it."),
    ]


def test_each_record_of_elements_is_a_line():
    page = (
        "<lockers><locker id='103'><code>4713</code><floor>2</floor></locker>"
        "<locker id='104'><code unit='x'>4714</code><floor/></locker></lockers>"
    )
    assert read(XML, page) == [
        ("list", "locker: id: 103; code: 4713; floor: 2\nlocker: id: 104; code: unit: x; 4714")
    ]


@pytest.mark.parametrize(
    ("page", "blocks"),
    [
        ("<r><string name='app'>Tides</string></r>", [("list", "string: name: app; Tides")]),
        ("<r xmlns:a='u'><a:b>c</a:b></r>", [("list", "b: c")]),
        ("<p>See <list><item>a</item><item>b</item></list></p>", [("paragraph", "See a b")]),
        ("<r><!-- no --><?no no?><a>b</a></r>", [("list", "a: b")]),
        ("<r><![CDATA[a < b]]></r>", [("list", "r: a < b")]),
    ],
)
def test_elements_of_any_vocabulary_are_read(page, blocks):
    assert read(XML, page) == blocks


def test_the_charset_of_the_declaration_is_taken():
    page = "<?xml version='1.0' encoding='koi8-r'?><r><a>Привет, мир</a></r>"
    assert read(XML, page.encode("koi8-r")) == [("list", "a: Привет, мир")]
    assert read(XML, page.encode("utf-16")) == [("list", "a: Привет, мир")]


def test_no_entity_is_expanded_and_nothing_is_fetched(tmp_path):
    (tmp_path / "secret").write_text("secret words")
    bomb = (
        f'<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY f SYSTEM "file://{tmp_path}/secret">'
        f'<!ENTITY % p SYSTEM "file://{tmp_path}/secret">%p;]><r><a>&b;&f; end</a></r>'
    )
    [(_, text)] = read(XML, bomb, (ENTITIES,))
    assert text == "a: &b; &f; end"


@pytest.mark.parametrize(
    "page", ["<a>the end", "<a>" * 5_000 + "the end", "the end", "<a><b></a>the end"]
)
def test_what_is_broken_or_too_deep_loses_its_structure_alone(page):
    [(kind, text)] = read(XML, page, (BROKEN,))
    assert kind == "paragraph"
    assert text.endswith("the end")


ELEMENTS = st.recursive(
    st.text("ab c", max_size=5).map(escape),
    lambda inner: st.builds(
        lambda name, parts: f"<{name}>{''.join(parts)}</{name}>",
        st.sampled_from(["p", "title", "x", "code", "item"]),
        st.lists(inner, max_size=4),
    ),
    max_leaves=15,
)


@given(ELEMENTS)
def test_no_letter_of_xml_is_lost(page):
    said = "".join(one.text for one in parse(XML, f"<r>{page}</r>".encode()).blocks)
    bare = page
    for name in ("p", "title", "x", "code", "item"):
        bare = bare.replace(f"<{name}>", "").replace(f"</{name}>", "")
    assert said.count("b") >= bare.count("b")


# ---------------------------------------------------------------------- lines


def test_code_is_parted_at_the_definitions_of_its_top_level():
    code = (
        "import os\nimport sys\n\nX = 1\n\n\ndef a():\n    b = 1\n\n    return b\n\n\n"
        "@c\nclass D:\n    e = 1\n\n    def f(self):\n        pass\n"
    )
    assert read(SOURCE, code) == [
        ("code", "import os\nimport sys\n\nX = 1"),
        ("code", "def a():\n    b = 1\n\n    return b"),
        ("code", "@c\nclass D:\n    e = 1\n\n    def f(self):\n        pass"),
    ]


def test_a_bracket_at_the_margin_closes_what_stands_above():
    code = "int a() {\n  b();\n\n  c();\n\n}\n\nint d() {\n  e();\n}\n"
    assert read(SOURCE, code) == [
        ("code", "int a() {\n  b();\n\n  c();\n\n}"),
        ("code", "int d() {\n  e();\n}"),
    ]


@pytest.mark.parametrize("kind", ["application/toml", "text/x-ini"])
def test_sections_are_headings(kind):
    assert read(kind, "a = 1\n[server]\nport = 80\n") == [
        ("code", "a = 1"),
        ("h2", "[server]"),
        ("code", "port = 80"),
    ]


def test_yaml_is_parted_at_its_first_names():
    assert read("application/yaml", "a:\n  b: 1\n  c: 2\n  d: 3\ne:\n  f: 4\n") == [
        ("code", "a:\n  b: 1\n  c: 2\n  d: 3"),
        ("code", "e:\n  f: 4"),
    ]


@given(st.lists(st.sampled_from(["def a():", "    b", "", "}", "[c]", "d: e", "# f"]), max_size=30))
def test_no_line_is_lost_or_joined(lines):
    kept = [line for line in lines if line]
    for kind in ("text/x-source", "text/x-ini", "application/yaml", "text/x-log"):
        blocks = parse(kind, "\n".join(lines).encode()).blocks
        said = [line for one in blocks for line in one.text.split("\n") if line]
        assert said == kept
