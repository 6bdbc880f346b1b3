"""Reading as a task of a process of its own: what is asked, and the parts of the answer.

The last part is what was read without its blocks, which come before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import msgspec
from msgspec.structs import replace

from connectors.processes.program import Program, TooMuch, Work
from schemas import Block, Parsed

PART_CHARS = 65_536  # of text in a part, but for the last block of it
PART_BLOCKS = 1_000
BLOCKS_MAX = 100_000
"""Paragraphs, lines and cells of a document: a book of 16 MiB has some tens of thousands. They are
cut on the event loop, in turns with others; two million took half a minute."""

READING = Program(
    load="connectors.readers.document_task:load",
    purpose="read documents in",
    task="reading the document",
    cpu_setting="PLAYHEAD_DOCUMENT_CPU_S",
    memory_setting="PLAYHEAD_DOCUMENT_MEMORY_MB",
    instead="split it or convert it to plain text",
    too_much={
        "blocks": f"the document has more than {BLOCKS_MAX} paragraphs, lines or cells: split it "
        "and submit its parts"
    },
)


class DocumentTask(msgspec.Struct):
    """Read a document."""

    media_type: str
    content: bytes


class SomeBlocks(msgspec.Struct, tag="blocks"):
    """The next blocks of a document."""

    blocks: list[Block]


class Rest(msgspec.Struct, tag="rest"):
    """All that was read but the blocks."""

    parsed: Parsed


DocumentPart = SomeBlocks | Rest
_spell = msgspec.msgpack.encode
_TASKS = msgspec.msgpack.Decoder(DocumentTask)
_PARTS: msgspec.msgpack.Decoder[DocumentPart] = msgspec.msgpack.Decoder(DocumentPart)


def load() -> Work:
    """Load the readers and return who reads."""
    from connectors.readers.parsing import parse

    return partial(read, parse)


def read(parse: Callable[[str, bytes], Parsed], body: bytes | bytearray) -> Iterator[bytes]:
    """Read a document; raises TooMuch for one of more blocks than may be."""
    task = _TASKS.decode(body)
    parsed = parse(task.media_type, task.content)
    if len(parsed.blocks) > BLOCKS_MAX:
        raise TooMuch("blocks")
    for part in parts_of(parsed):
        yield _spell(part)


def parts_of(parsed: Parsed) -> Iterator[DocumentPart]:
    """Cut what was read into parts that are each decoded in a millisecond or so."""
    blocks: list[Block] = []
    chars = 0
    for block in parsed.blocks:
        blocks.append(block)
        chars += len(block.text)
        if chars >= PART_CHARS or len(blocks) == PART_BLOCKS:
            yield SomeBlocks(blocks)
            blocks, chars = [], 0
    if blocks:
        yield SomeBlocks(blocks)
    yield Rest(replace(parsed, blocks=()))


def document_task(media_type: str, content: bytes) -> bytes:
    """Spell what is asked."""
    return _spell(DocumentTask(media_type, content))


def document_part(body: bytes) -> DocumentPart:
    """Read a part of an answer."""
    return _PARTS.decode(body)


def document_of(parts: Sequence[DocumentPart]) -> Parsed:
    """Put the parts of an answer together."""
    *before, rest = parts
    assert isinstance(rest, Rest)
    blocks = [part.blocks for part in before if isinstance(part, SomeBlocks)]
    return replace(rest.parsed, blocks=tuple(block for some in blocks for block in some))
