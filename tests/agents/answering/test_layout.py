"""Layout: headings, prose, lists, tables, code and options are told apart by their look."""

import pytest

from agents.answering.layout import LayoutBlock, blocks_of, entries_of, rows_of


def kinds(text, title=""):
    return [(block.kind, block.text) for block in blocks_of(title, text)[1]]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("The fee is 7 euros. It is due in May.", "prose"),
        (
            "Supported are Python 3.6+ and `PyPy <https://pypy.org/>`__. The latest is\n6.1.1.",
            "prose",
        ),
        ("- Linux\n- Windows", "list"),
        ("1. Clone it.\n2. Change into it.", "list"),
        ("(a) You must say so; and\n(b) You must not hide it.", "list"),
        ("Name | Price\nTea | 3\nCake | 4", "table"),
        ("==== ====\nName Price\n==== ====\nTea 3\n==== ====", "table"),
        ("pip install httpx[http2]", "code"),
        ("$ cargo add serde  # It is a dependency.", "code"),
        (">>> x = 1\n>>> x\n1", "code"),
        ("extract = Extract(\n    cache=None,\n)", "code"),
        ("-k --keep\nKeep input files.", "option"),
    ],
)
def test_a_block_is_known_by_its_look(text, kind):
    assert blocks_of("", f"{text}\n\nEnd of it.")[1][0].kind == kind


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        ("Opening hours", True),
        ("How do I pay?", True),
        ("1.3.0 (2022-02-15)", True),
        ("It opens at six.", False),
        ("You can use:", False),
        ("apples, pears,", False),
        ("A line of " + "many " * 30 + "words", False),
    ],
)
def test_a_line_that_states_nothing_is_a_heading_of_what_follows(line, heading):
    [first, *_] = kinds(f"{line}\n\nWhat follows it.")
    assert (first[0] == "heading") is heading
    assert kinds(f"What comes first.\n\n{line}")[-1][0] != "heading"


@pytest.mark.parametrize(
    ("title", "text", "above"),
    [
        ("Manual", "Manual\nFees > Late\n\nIt costs 2 euros.", ("Fees", "Late")),
        ("Manual", "Manual\n\nIt costs 2 euros.", ()),
        ("", "Fees > Late\n\nIt costs 2 euros.", ("Fees", "Late")),
    ],
)
def test_the_prefix_of_a_chunk_is_what_it_stands_under(title, text, above):
    found, [block] = blocks_of(title, text)
    assert (found, block.text) == (above, "It costs 2 euros.")


def test_a_sentence_with_a_mark_of_paths_is_no_prefix():
    assert blocks_of("", "Go to File > Save.\n\nIt is done.")[0] == ()


def test_code_and_lists_go_on_behind_a_blank_line():
    assert kinds("import a\n\nimport b\n\nDone.")[0] == ("code", "import a\n\nimport b")
    assert kinds("(a) one;\n\n(b) two " + "and more " * 20)[0][0] == "list"
    assert len(kinds("- one\n\n- two")) == 1


def test_prose_leads_to_its_list_in_the_same_block():
    assert kinds("It needs:\n- a pump\n- a pipe") == [
        ("prose", "It needs:"),
        ("list", "- a pump\n- a pipe"),
    ]


def test_one_entry_behind_prose_is_one_by_its_mark_and_not_by_a_number():
    """A line of prose may begin with the number that the line before it ends with."""
    assert kinds("It needs\n- a pump.") == [("prose", "It needs"), ("list", "- a pump.")]
    assert kinds("It was lost on May\n12. of that year.")[0][0] == "prose"
    assert len(kinds("It was lost on May\n12. of that year.")) == 1


def test_the_lines_of_an_entry_belong_together():
    block = LayoutBlock("list", ("- one", "goes on", "- two"))
    assert entries_of(block) == ("- one goes on", "- two")


def test_a_table_has_a_header_and_rows_and_its_rules_are_neither():
    block = LayoutBlock("table", ("=== ===", "A B", "=== ===", "1 2", "=== ==="))
    assert rows_of(block) == ("A B", ("1 2",))
