"""What passes between processes comes out as it went in, in frames that take no time to read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from connectors.processes.program import TooMuch
from connectors.readers.document_task import (
    BLOCKS_MAX,
    PART_BLOCKS,
    PART_CHARS,
    READING,
    TEXT_CHARS_MAX,
    Rest,
    SomeBlocks,
    document_of,
    document_part,
    document_task,
    load,
    parts_of,
    read,
)
from connectors.readers.parsing import FORMATS, parse
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


def items(parsed):
    """What a reader yields that reads this."""
    return iter([*parsed.blocks, replace(parsed, blocks=())])


@given(PARSED)
def test_what_was_read_comes_out_as_it_went_in(parsed):
    parts = read(lambda *_: items(parsed), document_task("text/plain", b"", FORMATS))
    expected = replace(parsed, blocks=()) if parsed.error else parsed
    assert document_of([document_part(part) for part in parts]) == expected


def test_parts_go_out_before_the_rest_is_read():
    """So a document of any size never stands in memory as a whole."""
    asked = 0

    def reading(*_):
        nonlocal asked
        for asked in range(1, 10 * PART_BLOCKS + 1):  # noqa: B007 - told to the test
            yield Block(kind="paragraph", text="x")
        yield Parsed(blocks=(), parser="p", parser_version="1")

    parts = read(reading, document_task("text/plain", b"", FORMATS))
    for number in range(1, 11):
        next(parts)
        assert asked == number * PART_BLOCKS


@given(TEXT, st.binary(max_size=50), st.integers(0, 3))
def test_a_task_comes_out_as_it_went_in(media_type, content, formats):
    given = []

    def reader(*task):
        given.append(task)
        return iter([Parsed(blocks=(), parser="", parser_version="")])

    assert len(list(read(reader, document_task(media_type, content, formats)))) == 1
    assert given == [(media_type, content, formats)]


def test_the_program_reads_as_the_readers_do():
    parts = load()(document_task("text/markdown", b"# Title\n\nSome *text*.", FORMATS))
    assert document_of(list(map(document_part, parts))) == parse(
        "text/markdown", b"# Title\n\nSome *text*."
    )


def test_a_document_of_too_many_blocks_is_too_much():
    parsed = Parsed(
        blocks=(Block(kind="code", text="x"),) * (BLOCKS_MAX + 1), parser="p", parser_version="1"
    )
    with pytest.raises(TooMuch, match="blocks"):
        list(read(lambda *_: items(parsed), document_task("text/plain", b"", FORMATS)))


def test_a_document_of_too_much_text_is_too_much_but_one_of_old_logs():
    part = Block(kind="code", text="x" * (TEXT_CHARS_MAX // 4))
    parsed = Parsed(blocks=(part,) * 5, parser="p", parser_version="1")
    with pytest.raises(TooMuch) as much:
        list(read(lambda *_: items(parsed), document_task("text/plain", b"", FORMATS)))
    assert f"more than {TEXT_CHARS_MAX} characters" in READING.too_much[much.value.of]
    assert list(read(lambda *_: items(parsed), document_task("text/plain", b"", 0)))
    content = bytes(len(part.text) * 5)
    assert list(read(lambda *_: items(parsed), document_task("text/plain", content, FORMATS)))


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
    assert len(list(parts_of(items(parsed)))) == parts + 1  # the rest comes last


def test_a_part_has_so_much_text_and_one_block_beyond_it():
    long, short = Block(kind="code", text="x" * PART_CHARS), Block(kind="code", text="y")
    parsed = Parsed(blocks=(short, long, long, short), parser="p", parser_version="1")
    assert list(parts_of(items(parsed))) == [
        SomeBlocks([short, long]),
        SomeBlocks([long]),
        SomeBlocks([short]),
        Rest(replace(parsed, blocks=())),
    ]
