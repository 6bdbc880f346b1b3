"""HTML: what a reader sees, in the order that it is read, whatever the tags do."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from connectors.readers.html import TOO_DEEP, _cut_short, read_html, strip_tags


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
    "<nav>no</nav>", "<script>no</script>", "<style>no</style>",
    "<template>no</template>", "<noscript>no</noscript>", "<svg><title>no</title></svg>",
    "<iframe>no</iframe>", "<select><option>no</select>", "<textarea>no</textarea>",
    "<div role=navigation>no</div>", "<div role=MENU>no</div>",
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
        ("<svg><title>drawing</title></svg><h1>b</h1>", "b"),
        ("<title></title><svg><title>drawing</title></svg><h1>b</h1>", "b"),
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


TABS = """<div role=tablist><button role=tab aria-controls=w>Windows</button><a id=t2 role=tab>Linux</a></div>
<div id=w role=tabpanel><p>choco</div><div role=tabpanel aria-labelledby=t2 hidden><p>apt</div><h2>After</h2>"""
BY_ORDER = """<ul role=tablist><li role=tab>Windows<li role=tab>Linux</ul><div role=tabpanel><p>choco</div>
<div role=tabpanel hidden><p>apt</div><h2>After</h2>"""
BY_TARGET = """<ul><li><a href=#w data-toggle=tab>Windows</a><li><a href=#l data-bs-toggle=tab>Linux</a></ul>
<div id=w><p>choco</div><div id=l style="display: none"><p>apt</div><h2>After</h2>"""


@pytest.mark.parametrize("page", [TABS, BY_ORDER, BY_TARGET])
def test_each_panel_is_read_below_the_label_of_its_tab(page):
    assert read(page) == [
        ("h6", "Windows"),
        ("paragraph", "choco"),
        ("h6", "Linux"),
        ("paragraph", "apt"),
        ("h2", "After"),
    ]


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<aside>Mind the gap.</aside>", "Mind the gap."),
        ("<p>Press <button>Start</button>now", "Press Start now"),
        ("<dialog open>Hello</dialog>", "Hello"),
        ("<button aria-controls=d>More</button><dialog id=d>Details</dialog>", "More Details"),
        ("<a href='#d'>More</a><div id=d hidden>Details</div>", "More Details"),
        ("<div hidden=until-found>Details</div>", "Details"),
        ("<math><mi>E</mi><mo>=</mo><mi>m</mi></math>", "E = m"),
        ("<math alttext='E=mc^2'><mi>E</mi></math>", "E=mc^2"),
        (
            "<math><mi>E</mi><annotation encoding='application/x-tex'>E=mc^2</annotation></math>",
            "E=mc^2",
        ),
        ("<math><math><mi>E</mi></math></math>", "E"),
        ("<svg><title>x</title><g><text>Tank</text><text>Pump</text></g></svg>", "Tank Pump"),
        ("<p>Now <del>19</del> 25", "Now ~~19~~ 25"),
        ("<p>10<sup>6</sup> H<sub>2</sub>O 1<sup>st</sup> 10<sup>-3</sup>", "10^6 H2O 1st 10^-3"),
        ("<p>Now <s>19 <b>euros</b></s> 25", "Now ~~19 euros~~ 25"),
        ("<del><p>one</p><p>two</p></del>", "~~one~~ ~~two~~"),
        ("<p><a href=https://a.example/x>Get it</a>", "Get it (https://a.example/x)"),
        ("<p><a href=mailto:a@b.example>Write</a>", "Write (a@b.example)"),
        ("<p><a href=https://a.example/>a.example</a>", "a.example"),
        ("<p><a href=/local>Here</a><a href=javascript:x()>b</a>", "Hereb"),
        ("<base href=https://a.example/><p><a href=https://a.example/x>Here</a>", "Here"),
        ("<p>x</p><footer>Acme Ltd, 12 Harbour Road, Westmere, phone 555 0100", "x Acme Ltd, 12 Harbour Road, Westmere, phone 555 0100"),
        ("<p>x</p><footer><address>Harbour Road</address></footer>", "x Harbour Road"),
        ("<p>x</p><div role=contentinfo>A line of eight words stands down here</div>", "x A line of eight words stands down here"),
    ],
)  # fmt: skip
def test_what_a_reader_can_see_or_open_is_read(page, text):
    assert " ".join(said for _, said in read(page)) == text


@pytest.mark.parametrize(
    ("page", "notes"),
    [
        ("<p>a</p><p hidden>b", ["hidden parts left out: 1"]),
        ("<p>a</p><p hidden> </p>", []),
        ("<nav>a</nav><footer>b</footer><p>c", ["navigation left out: 2"]),
        ("<p>a<select><option>b</select>", ["fields of forms and embedded objects left out: 1"]),
        ("<p>a" + "<i></i>" * 400_001, [TOO_DEEP]),
        (TABS, []),
    ],
)
def test_what_was_left_out_is_told(page, notes):
    told = []
    read_html(page, told)
    assert told == notes
