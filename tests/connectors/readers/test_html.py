"""HTML: what a reader sees, in the order that it is read, whatever the tags do."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from connectors.readers.html import _cut_short, read_html, strip_tags


def read(page):
    return [(f"h{b.level}" if b.kind == "heading" else b.kind, b.text) for b in read_html(page)[1]]


@pytest.mark.parametrize(
    ("page", "blocks"),
    [
        ("<p>a<p>b", [("paragraph", "a"), ("paragraph", "b")]),
        ("a<div>b</div>c", [("paragraph", "a"), ("paragraph", "b"), ("paragraph", "c")]),
        ("<p>a <b>b</b><i>c</i></p>", [("paragraph", "a bc")]),
        ("<p>a<br>b<br/>c</p>", [("paragraph", "a\nb\nc")]),
        ("<p>a\n  b\r\nc</p>", [("paragraph", "a b c")]),
        ("<h1>a</h1><h6>b</h6>", [("h1", "a"), ("h6", "b")]),
        ("<h2>a <em>b</em><br>c</h2>", [("h2", "a b c")]),
        ("<h2></h2><p>a", [("paragraph", "a")]),
        ("<ul><li>a<li>b</ul>", [("list", "- a\n- b")]),
        ("<ol><li>a<li>b</ol>", [("list", "1. a\n2. b")]),
        ("<ol start=7><li>a<li>b</ol>", [("list", "7. a\n8. b")]),
        ("<ol start=0><li>a<li>b</ol>", [("list", "0. a\n1. b")]),
        ("<ol start=x><li>a</ol>", [("list", "1. a")]),
        ("<ol start=999999999><li>a</ol>", [("list", "1. a")]),
        ("<ul><li>a<ol><li>b<li>c</ol><li>d</ul>", [("list", "- a\n1. b\n2. c\n- d")]),
        ("<menu><li>a</menu>", [("list", "- a")]),
        ("<ul><li><p>a</p><p>b</p></ul>", [("list", "- a\nb")]),
        ("<ul><li></li><li>b</ul>", [("list", "- b")]),
        ("<li>stray", [("paragraph", "stray")]),
        ("<ul><li>a<h2>b</h2><li>c</ul>", [("list", "- a"), ("h2", "b"), ("list", "- c")]),
        ("<dl><dt>a<dd>b</dl>", [("paragraph", "a"), ("paragraph", "b")]),
        ("<pre>a\n  b</pre>", [("code", "a\n  b")]),
        ("<pre><code>a &lt; b</code></pre>", [("code", "a < b")]),
        ("<p>a <img alt='b' src=x> c</p>", [("paragraph", "a b c")]),
        ("<p>a<img src=x>b</p>", [("paragraph", "ab")]),
        ("<details><summary>a</summary>b</details>", [("paragraph", "a"), ("paragraph", "b")]),
        ("<blockquote>a</blockquote>", [("paragraph", "a")]),
        ("plain text", [("paragraph", "plain text")]),
    ],
)
def test_each_element_is_read(page, blocks):
    assert read(page) == blocks


@pytest.mark.parametrize(
    ("page", "blocks"),
    [
        ("<table><tr><th>a<th>b<tr><td>c<td>d</table>", [("table", "a | b\nc | d")]),
        ("<table><tr><td>a<td><b>b</b> c</table>", [("table", "a | b c")]),
        ("<table><tr><td>a<td></table>", [("table", "a | ")]),
        ("<table><tr><td><td><tr><td>a<td>b</table>", [("table", "a | b")]),
        ("<table><tr><td>a</table>", [("paragraph", "a")]),  # one column lays out a page
        ("<table><tr><td>a<td><table><tr><td>b<td>c</table></table>", [("paragraph", "a"), ("table", "b | c")]),
        ("<table><tr><td>a<td>" + "b" * 2_001 + "</table>", [("paragraph", "a"), ("paragraph", "b" * 2_001)]),
        ("<table><caption>a</caption><tr><td>b<td>c</table>", [("paragraph", "a"), ("table", "b | c")]),
    ],
)  # fmt: skip
def test_a_table_of_data_is_a_table_and_any_other_is_layout(page, blocks):
    assert [(kind, text.rstrip()) for kind, text in read(page)] == [
        (kind, text.rstrip()) for kind, text in blocks
    ]


SILENT = [
    "<nav>no</nav>", "<aside>no</aside>", "<script>no</script>", "<style>no</style>",
    "<template>no</template>", "<noscript>no</noscript>", "<svg><text>no</text></svg>",
    "<iframe>no</iframe>", "<select><option>no</select>", "<textarea>no</textarea>",
    "<button>no</button>", "<div role=navigation>no</div>", "<div role=MENU>no</div>",
    "<p hidden>no</p>", "<p aria-hidden=TRUE>no</p>", "<p style='Display : None'>no</p>",
    "<!-- no -->", "<?php no ?>", "<audio>no</audio>", "<object>no</object>", "<dialog>no</dialog>",
]  # fmt: skip


@pytest.mark.parametrize("silent", SILENT)
def test_what_a_reader_does_not_see_is_left_out_and_its_surroundings_stay(silent):
    assert " ".join(text for _, text in read(f"<p>before</p>{silent}after")) == "before after"


@pytest.mark.parametrize("element", ["header", "footer"])
def test_the_frame_of_a_page_is_no_text_unless_it_holds_the_heading(element):
    body = "<body><{0}>{1}</{0}><p>text</p></body>"
    assert read(body.format(element, "Home")) == [("paragraph", "text")]
    assert read(body.format(element, "<h1>Top</h1>")) == [("h1", "Top"), ("paragraph", "text")]
    inside = f"<body><article><{element}>by Ada</{element}><p>text</p></article></body>"
    assert read(inside) == [("paragraph", "by Ada"), ("paragraph", "text")]


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("<title>a</title><h1>b</h1>", "a"),
        ("<h1>b</h1><p>c", "b"),
        ("<h2>b</h2><p>c", ""),
        ("<svg><title>drawing</title></svg><h1>b</h1>", "drawing"),
        ("<p>c", ""),
    ],
)
def test_a_title_is_the_pages_or_its_first_great_heading(page, title):
    assert read_html(page)[0] == title


def test_a_page_whose_title_is_all_there_is_is_read_as_that():
    assert read("<title>Only this</title><body></body>") == [("h1", "Only this")]


@pytest.mark.parametrize(
    ("text", "stripped"),
    [
        ("<p>a</p>b", "a b"),
        ("a<br>b", "a b"),
        ("a<!-- <p>no --> b", "a b"),
        ("a<script>no</script>b", "a b"),
        ("a<SCRIPT>no</script>b", "a b"),
        ("a<style>no", "a"),
        ("a < b", "a < b"),
        ("a <5 b", "a <5 b"),
        ("a &lt;b&gt;", "a <b>"),
        ("a <p never closed", "a <p never closed"),
        ("<!doctype html><?xml ?>a", "a"),
        ("", ""),
    ],
)
def test_tags_are_stripped_in_one_pass(text, stripped):
    assert strip_tags(text).split() == stripped.split()


PIECES = st.sampled_from(
    ["<p>", "</p>", "<div>", "</div>", "<ul>", "<li>", "</ul>", "<ol start=2>", "</ol>", "<table>",
     "<tr>", "<td>", "</table>", "<b>", "</b>", "<h1>", "</h1>", "<pre>", "</pre>", "<br>", "word ",
     "word\n", "<a href=x>", "</a>", "<span>", "</section>", "<dl><dd>"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40))
def test_no_word_is_lost_whatever_the_nesting(pieces):
    page = "".join(pieces)
    said = " ".join(text for _, text in read(page))
    assert said.count("word") == page.count("word")


@given(st.lists(PIECES, max_size=40))
def test_reading_twice_gives_the_same(pieces):
    page = "".join(pieces)
    assert read_html(page) == read_html(page)


@given(st.text(st.sampled_from("<>/!-[]?&;a p\"'="), max_size=60))
def test_torn_markup_never_raises(page):
    read_html(page)


class FakeParser:
    """A parser as it is when memory ran out: what it says of that depends on where it did."""

    def __init__(self, *entries):
        self.error_log = [
            SimpleNamespace(level_name=level, type_name=name) for level, name in entries
        ]


def test_a_page_that_is_cut_short_by_its_depth_is_told_from_one_that_memory_cut_short():
    assert not _cut_short(FakeParser())
    assert not _cut_short(FakeParser(("ERROR", "HTML_UNKNOWN_TAG")))
    assert _cut_short(FakeParser(("ERROR", "HTML_UNKNOWN_TAG"), ("FATAL", "ERR_RESOURCE_LIMIT")))
    with pytest.raises(MemoryError):
        _cut_short(FakeParser(("FATAL", "ERR_RESOURCE_LIMIT"), ("FATAL", "ERR_NO_MEMORY")))


def test_the_fake_parser_says_what_the_librarys_says():
    parser = etree.HTMLParser()
    etree.fromstring("<div>" * 300 + "too deep", parser)
    told = [(entry.level_name, entry.type_name) for entry in parser.error_log]
    assert told == [("FATAL", "ERR_RESOURCE_LIMIT")]
    fake = FakeParser(*told)
    assert [(entry.level_name, entry.type_name) for entry in fake.error_log] == told
    assert _cut_short(parser) == _cut_short(fake) is True
