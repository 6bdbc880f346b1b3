"""Front matter is what parses as a mapping; all else between rules is text, and nothing is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.readers.front_matter import FRONT_CHARS_MAX, FrontMatter, front_matter_of


@pytest.mark.parametrize(
    ("source", "title", "rows"),
    [
        ("title: The manual", "The manual", []),
        ("title: 'It: quoted'\nauthor: Ada", "It: quoted", ["author: Ada"]),
        ("tags: [a, b]\nmenu:\n  main:\n    weight: 010", "", ["tags: a, b", "menu.main.weight: 010"]),
        ("title: [a, b]", "", ["title: a, b"]),
        ("title:\ndate: 2024-01-02", "", ["title: ", "date: 2024-01-02"][1:]),
        ("draft: no", "", ["draft: no"]),
    ],
)  # fmt: skip
def test_a_mapping_is_front_matter(source, title, rows):
    for end in ("---", "..."):
        front = front_matter_of(f"---\n{source}\n{end}\ntext")
        assert front == (FrontMatter(title, rows), "text")


def test_toml_between_plus_signs_is_front_matter():
    front = front_matter_of('+++\ntitle = "A"\nweight = 3\n+++\ntext')
    assert front == (FrontMatter("A", ["weight: 3"]), "text")


@pytest.mark.parametrize(
    "text",
    [
        "---\nSome words\n---\ntext",
        "---\n- a\n- b\n---\ntext",
        "---\n---\ntext",
        "---\na: [\n---\ntext",
        "---\na: &x b\nc: *x\n---\ntext",  # an alias can stand for more than is there
        "---\n" + "[" * 5_000 + "\n---\ntext",
        "---\n? [a]\n: b\n---\ntext",
        "+++\na: b\n+++\ntext",
        "---\na: b\n+++\ntext",
        "text\n---\na: b\n---\n",
        "---\na: " + "b" * FRONT_CHARS_MAX + "\n---\ntext",
    ],
)
def test_all_else_is_text(text):
    assert front_matter_of(text) is None


@given(st.text(st.sampled_from("ab:-[]{}&*!|>'\"#\n ,?%@`"), max_size=60))
def test_no_front_matter_raises(source):
    front_matter_of(f"---\n{source}\n---\ntext")
