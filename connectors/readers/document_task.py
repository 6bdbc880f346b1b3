"""Reading as a task of a process of its own: what is asked, and the parts of the answer.

The last part is what was read without its blocks, which come before it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import msgspec
from msgspec.structs import replace

from connectors.processes.program import Program, TooMuch, Work
from connectors.readers.recognition import begin_document
from schemas import Block, Parsed

PART_CHARS = 65_536  # of text in a part, but for the last block of it
PART_BLOCKS = 1_000
BLOCKS_MAX = 100_000
"""Paragraphs, lines and cells of a document: a book of 16 MiB has some tens of thousands. They are
cut on the event loop, in turns with others; two million took half a minute."""
TEXT_CHARS_MAX = 15 * 2**20
"""Of a document, or as many as it has bytes: an Office file of 16 MiB can hold 256 MiB of text, all
of it the worker's, and a paragraph of these is more than one frame of an answer takes."""

READING = Program(
    load="connectors.readers.document_task:load",
    purpose="read documents in",
    task="reading the document",
    cpu_setting="PLAYHEAD_DOCUMENT_CPU_S",
    memory_setting="PLAYHEAD_DOCUMENT_MEMORY_MB",
    instead="split it or convert it to plain text",
    too_much={
        "blocks": f"the document has more than {BLOCKS_MAX} paragraphs, lines or cells: split it "
        "and submit its parts",
        "text": f"the document holds more than {TEXT_CHARS_MAX} characters of text: split it and "
        "submit its parts",
    },
)


class DocumentTask(msgspec.Struct):
    """Read a document."""

    media_type: str
    content: bytes
    formats: int
    """As in `Parse`."""


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
    """Load what chooses the readers and return who reads."""
    from connectors.readers.parsing import read_on

    return partial(read, read_on)


def read(
    read_on: Callable[[str, bytes, int], Iterator[Block | Parsed]], body: bytes | bytearray
) -> Iterator[bytes]:
    """Read a document part by part; raises TooMuch for one of more blocks or text than may be."""
    task = _TASKS.decode(body)
    begin_document()
    chars_max = max(TEXT_CHARS_MAX, len(task.content)) if task.formats else sys.maxsize
    items = read_on(task.media_type, task.content, task.formats)
    for part in parts_of(_bounded(items, chars_max)):
        yield _spell(part)


def _bounded(items: Iterable[Block | Parsed], chars_max: int) -> Iterator[Block | Parsed]:
    """Pass on what is read; raises TooMuch for one of more blocks or text than may be."""
    chars = 0
    for number, item in enumerate(items):
        if isinstance(item, Block):
            chars += len(item.text)
            if number >= BLOCKS_MAX:
                raise TooMuch("blocks")
            if chars > chars_max:
                raise TooMuch("text")
        yield item


def parts_of(items: Iterable[Block | Parsed]) -> Iterator[DocumentPart]:
    """Put what is read into parts that are each decoded in a millisecond or so."""
    blocks: list[Block] = []
    chars = 0
    for item in items:
        if isinstance(item, Parsed):
            if blocks:
                yield SomeBlocks(blocks)
            yield Rest(item)
            return
        blocks.append(item)
        chars += len(item.text)
        if chars >= PART_CHARS or len(blocks) == PART_BLOCKS:
            yield SomeBlocks(blocks)
            blocks, chars = [], 0


def document_task(media_type: str, content: bytes, formats: int) -> bytes:
    """Spell what is asked."""
    return _spell(DocumentTask(media_type, content, formats))


def document_part(body: bytes) -> DocumentPart:
    """Read a part of an answer."""
    return _PARTS.decode(body)


def document_of(parts: Sequence[DocumentPart]) -> Parsed:
    """Put the parts of an answer together; of an unreadable document, none of its blocks."""
    *before, rest = parts
    assert isinstance(rest, Rest)
    if rest.parsed.error:
        return rest.parsed
    blocks = [part.blocks for part in before if isinstance(part, SomeBlocks)]
    return replace(rest.parsed, blocks=tuple(block for some in blocks for block in some))
