"""Markdown: one case for each thing that it means, and hostile ones that must stay text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.readers.markdown import LINES_MAX, NESTING_MAX, read_markdown
from connectors.readers.markdown_inline import INLINE_CHARS_MAX, INLINE_OPENINGS_MAX


def read(text):
    return [
        (f"h{b.level}" if b.kind == "heading" else b.kind, b.text) for b in read_markdown(text)[1]
    ]


def title(text):
    return read_markdown(text)[0]


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("# One\n\n###### Six\n", [("h1", "One"), ("h6", "Six")]),
        ("One\n===\n\nTwo\n---\n", [("h1", "One"), ("h2", "Two")]),
        ("#Not one", [("paragraph", "#Not one")]),
        ("> quoted\n> on", [("paragraph", "quoted on")]),
        ("> # In a quote\n>\n> text", [("h1", "In a quote"), ("paragraph", "text")]),
        ("- a\n- b", [("list", "- a\n- b")]),
        ("* a\n\n* b", [("list", "- a\n- b")]),
        ("7. a\n8. b", [("list", "7. a\n8. b")]),
        ("0. a\n0. b", [("list", "0. a\n1. b")]),
        ("3) a\n4) b", [("list", "3. a\n4. b")]),
        ("- a\n  - b\n    1. c\n- d", [("list", "- a\n- b\n1. c\n- d")]),
        ("- a\n\n  more of a\n- b", [("list", "- a\nmore of a\n- b")]),
        ("- a\n\n\nend", [("list", "- a"), ("paragraph", "end")]),
        ("- a\n\n      code\n- b", [("list", "- a"), ("code", "code"), ("list", "- b")]),
        (
            "1. a\n   ```\n   x = 1\n   ```\n2. b",
            [("list", "1. a"), ("code", "x = 1"), ("list", "2. b")],
        ),
        ("- a\n\n  <p>html</p>\n- b", [("list", "- a"), ("paragraph", "html"), ("list", "- b")]),
        ("-\n- b", [("list", "- b")]),
        ("    indented\n      code", [("code", "indented\n  code")]),
        ("~~~\n```\n~~~", [("code", "```")]),
        ("```\nnever closed", [("code", "never closed")]),
        ("| a | b |\n|---|:-:|\n| c | *d* |", [("table", "a | b\nc | d")]),
        ("| a |\n|---|\n| b | c |\n\nend", [("table", "a\nb"), ("paragraph", "end")]),
        ("a | b\nc | d", [("paragraph", "a | b c | d")]),
        ("- x\n\n  | a |\n  |---|\n  | b |", [("table", "a\nb"), ("list", "- x")]),
        ("a\n***\nb", [("paragraph", "a"), ("paragraph", "b")]),
        ("[a]: http://x\n\n[a]", [("paragraph", "a (http://x)")]),
        ("text\n\n[a]: http://x 'T'", [("paragraph", "text"), ("list", "[a] http://x T")]),
        ("text\n\n[//]: # (a comment)", [("paragraph", "text")]),
        ("<enter>\n\n<your-key>", [("paragraph", "<enter>"), ("paragraph", "<your-key>")]),
        ("", []),
    ],
)
def test_each_kind_of_block_is_read(text, blocks):
    assert read(text) == blocks


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("**bold** and *it*", "bold and it"),
        ("~~old~~ new", "~~old~~ new"),
        ("<del>old</del> new", "~~old~~ new"),
        ("30*40*50", "30*40*50"),
        ("2**3**4", "2**3**4"),
        ("a*b*c", "a*b*c"),
        ("5 *x*6", "5 *x*6"),
        ("这是**重点**内容", "这是重点内容"),
        ("__init__ and __all__.py", "__init__ and __all__.py"),
        ("__FILE__", "__FILE__"),
        ("__Big deal__ and __two words__", "Big deal and two words"),
        ("_it_ *it*", "it it"),
        ("List<String> and Map<K, V>", "List<String> and Map<K, V>"),
        ("Press <enter> or </enter>", "Press <enter> or </enter>"),
        ("Array<b>", "Array<b>"),
        ("10<sup>6</sup> m<sup>2</sup>, H<sub>2</sub>O", "10^6 m^2, H2O"),
        ("cp <source> <target>", "cp <source> <target>"),
        ("run <command>", "run <command>"),
        ("a<p>b<hr>c", "abc"),
        ("Array<b> is <b>bold</b>", "Array<b> is bold"),
        ("a <Tabs value='x'>b</Tabs>", "a b</Tabs>"),
        ("a <!-- no --> b", "a b"),
        ("[text](https://x.example/a)", "text (https://x.example/a)"),
        ("[text][r]\n\n[r]: https://x.example/a", "text (https://x.example/a)"),
        ("[x.example](https://x.example/)", "x.example"),
        ("[write](mailto:a@b.example)", "write (a@b.example)"),
        ("[text](other.md)", "text"),
        ("[text](#part)", "text"),
        ("`code *stays*`", "code *stays*"),
        ("``a ` b``", "a ` b"),
        ("[text](http://x 'title')", "text (http://x)"),
        ("![picture](x.png)", "picture"),
        ("[![inner](x)](y)", "inner"),
        ("<http://example.com>", "http://example.com"),
        ("a &amp; b &lt; c &copy; &#65;", "a & b < c © A"),
        (r"\*not bold\*", "*not bold*"),
        ("a<br>b<BR/>c", "a\nb\nc"),
        ("a  \nb", "a\nb"),
        ("a\\\nb", "a\nb"),
        ("a\nb", "a b"),
        ("a <b>bold</b> c", "a bold c"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("snake_case_name", "snake_case_name"),
        ("[open", "[open"),
        ("a ~ b", "a ~ b"),
        ("!", "!"),
    ],
)
def test_marks_within_a_line_go_and_their_text_stays(text, said):
    assert read(text) == [("paragraph", said)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("---\ntitle: The manual\n---\n# Other", "The manual"),
        ('---\ntitle: "Quoted"\n---\ntext', "Quoted"),
        ("---\ntitle: 'Single'\n...\ntext", "Single"),
        ("---\nauthor: x\n---\n# Heading", "Heading"),
        ("# *First*\n\n# Second", "First"),
        ("## Second level\n\ntext", ""),
        ("text", ""),
        ("\n---\ntitle: too late\n---\n", ""),
    ],
)
def test_a_title_is_that_of_the_front_matter_or_the_first_great_heading(text, expected):
    assert title(text) == expected


def test_front_matter_is_a_table_above_the_text():
    assert read("---\ntitle: x\nauthor: y\n---\ntext") == [
        ("table", "author: y"),
        ("paragraph", "text"),
    ]


def test_what_a_document_left_out_is_told():
    notes: list[str] = []
    read_markdown("[a](b.md) [c](d.md) ![](e.png)", notes)
    assert notes == [
        "images without a text left out: 1",
        "targets of links within the site left out: 2",
    ]


def test_a_long_target_is_not_repeated_without_end():
    target = "https://x.example/" + "a" * 900
    text = "[b][r] " * 200 + f"\n\n[r]: {target}\n"
    notes: list[str] = []
    [block] = read_markdown(text, notes)[1]
    assert len(block.text) < 3 * len(text)
    assert block.text.count("b (") == len(text) // len(target)
    assert notes[0].startswith("repeated targets of links left out: ")


def test_a_block_of_markup_alone_is_not_too_deep():
    notes = []
    text = "<details>\n<summary>More</summary>\n\nInner.\n\n</details>\n\n<!-- said -->\n"
    assert [one.text for one in read_markdown(text, notes)[1]] == ["More", "Inner."]
    assert notes == []


def test_html_in_between_is_read_as_html():
    text = "before\n\n<ul><li>one<li>two</ul>\n\nafter"
    assert read(text) == [("paragraph", "before"), ("list", "- one\n- two"), ("paragraph", "after")]


@pytest.mark.parametrize("depth", [NESTING_MAX // 2 - 1, NESTING_MAX // 2 + 1, 5_000])
def test_text_stays_at_any_depth(depth):
    [*_, (_, text)] = read("> " * depth + "the end")
    assert text.endswith("the end")


@pytest.mark.parametrize("openings", [INLINE_OPENINGS_MAX, INLINE_OPENINGS_MAX + 1, 9_000])
def test_text_stays_behind_any_number_of_open_brackets(openings):
    [(_, text)] = read("[" * openings + " the end &amp; more")
    assert text.endswith("the end & more")


@pytest.mark.parametrize(
    ("text", "marks_stay"),
    [
        ("[" * INLINE_OPENINGS_MAX + " **bold**", False),
        ("[" * (INLINE_OPENINGS_MAX + 1) + " **bold**", True),
        ("x" * (INLINE_CHARS_MAX - 9) + " **bold**", False),
        ("x" * (INLINE_CHARS_MAX - 8) + " **bold**", True),
    ],
)
def test_a_paragraph_beyond_reason_is_read_as_it_stands(text, marks_stay):
    [(_, said)] = read(text)
    assert said.endswith("**bold**") == marks_stay
    assert "bold" in said


@pytest.mark.parametrize(("lines", "kind"), [(LINES_MAX - 2, "h1"), (LINES_MAX, "paragraph")])
def test_a_document_of_too_many_lines_is_read_as_plain_text(lines, kind):
    assert read("# Title\n\n" + "\n" * lines + "end")[0][0] == kind


@pytest.mark.parametrize(
    ("depth", "kind"), [(NESTING_MAX // 2 - 2, "h1"), (NESTING_MAX // 2 + 1, "paragraph")]
)
def test_structure_is_read_up_to_a_depth_that_nobody_means(depth, kind):
    assert read("- " * depth + "item\n\n# Title")[-1][0] == kind


WORDS = st.sampled_from(
    ["word", "# word", "- word", "1. word", "> word", "**word**", "`word`", "[word](x)", "|word|",
     "```", "    word", "", "---", "word  ", "<b>word</b>", "word\\", "~~word~~", "&amp;"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=20))
def test_no_word_is_ever_lost(lines):
    text = "\n".join(lines)
    # link targets and a fence's info string are no text: the words here stand outside of both
    fenced = sum(line == "```" for line in lines)
    said = " ".join(text for _, text in read(text))
    assert said.count("word") == text.count("word") or fenced
