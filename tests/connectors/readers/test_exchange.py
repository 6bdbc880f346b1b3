"""What passes between processes comes out as it went in, in frames that take no time to read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.readers.exchange import (
    LENGTH,
    PART_BLOCKS,
    PART_CHARS,
    Broken,
    End,
    Ready,
    SomeBlocks,
    Task,
    answer_of,
    frame,
    parts_of,
    task_of,
)
from schemas import Block, Parsed

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
BLOCKS = st.builds(
    Block,
    kind=st.sampled_from(["heading", "paragraph", "list", "code", "table"]),
    level=st.integers(0, 6),
    text=TEXT,
)
PARSED = st.builds(
    Parsed,
    title=TEXT,
    blocks=st.lists(BLOCKS, max_size=9).map(tuple),
    parser=TEXT,
    parser_version=TEXT,
    error=TEXT,
)


def body(framed):
    (length,) = LENGTH.unpack(framed[: LENGTH.size])
    assert len(framed) == LENGTH.size + length
    return framed[LENGTH.size :]


@given(PARSED)
def test_what_was_read_comes_out_as_it_went_in(parsed):
    answers = [answer_of(body(frame(part))) for part in parts_of(parsed)]
    end = answer_of(body(frame(End(replace(parsed, blocks=()), leaving=False))))
    blocks = tuple(block for part in answers for block in part.blocks)
    assert replace(end.parsed, blocks=blocks) == parsed


@given(TEXT, st.binary(max_size=50))
def test_a_task_comes_out_as_it_went_in(media_type, content):
    task = task_of(body(frame(Task(media_type, content))))
    assert (task.media_type, task.content) == (media_type, content)


@pytest.mark.parametrize("word", [Ready(), Broken("memory"), Broken("error", "KeyError at x.py:1")])
def test_the_other_words_come_out_as_they_went_in(word):
    assert answer_of(body(frame(word))) == word


@pytest.mark.parametrize(
    ("blocks", "parts"),
    [
        (0, 0),
        (1, 1),
        (PART_BLOCKS, 1),
        (PART_BLOCKS + 1, 2),
    ],
)
def test_a_part_has_so_many_blocks_and_no_more(blocks, parts):
    parsed = Parsed(blocks=(Block(kind="code", text="x"),) * blocks, parser="p", parser_version="1")
    assert len(list(parts_of(parsed))) == parts


def test_a_part_has_so_much_text_and_one_block_beyond_it():
    long, short = Block(kind="code", text="x" * PART_CHARS), Block(kind="code", text="y")
    parsed = Parsed(blocks=(short, long, long, short), parser="p", parser_version="1")
    assert list(parts_of(parsed)) == [
        SomeBlocks([short, long]),
        SomeBlocks([long]),
        SomeBlocks([short]),
    ]
