"""What passes between who asks for documents to be read and the process that reads them.

Each message is a frame: four bytes of length, big-endian, then that many bytes of MessagePack. The
process says Ready once. Then each Task is answered by any number of SomeBlocks, in order, and one
End, or by one Broken. An answer comes in parts so that who reads it is never busy with it for long.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Literal

import msgspec

from schemas import Block, Parsed

LENGTH = struct.Struct(">I")
PART_CHARS = 65_536  # of text in a part, but for the last block of it
PART_BLOCKS = 1_000
BLOCKS_MAX = 100_000
"""Paragraphs, lines and cells of a document. They are cut on the event loop, where two million took
half a minute; a book of 16 MiB has some tens of thousands."""


class Ready(msgspec.Struct, tag="ready"):
    """The process has loaded what it reads with."""


class Task(msgspec.Struct, tag="task"):
    """Read a document."""

    media_type: str
    content: bytes


class SomeBlocks(msgspec.Struct, tag="part"):
    """The next blocks of a document."""

    blocks: list[Block]


class End(msgspec.Struct, tag="end"):
    """A document was read to its end, or can't be read."""

    parsed: Parsed
    """Without blocks: they came before."""
    leaving: bool
    """Whether the process ends now: a large document left it larger than a new one would be."""


class Broken(msgspec.Struct, tag="broken"):
    """A document could not be read, by no rule of the readers; the process ends with it."""

    cause: Literal["memory", "blocks", "error"]
    where: str = ""
    """Kind of the error and where it was raised; no message, since it may quote the document."""


ReaderAnswer = Ready | SomeBlocks | End | Broken
_TASKS = msgspec.msgpack.Decoder(Task)
_ANSWERS = msgspec.msgpack.Decoder(ReaderAnswer)


def frame(message: Task | ReaderAnswer) -> bytes:
    """Spell a message as a frame."""
    body = msgspec.msgpack.encode(message)
    return LENGTH.pack(len(body)) + body


def task_of(body: bytes | bytearray) -> Task:
    """Read the body of a frame as what the process is asked."""
    return _TASKS.decode(body)


def answer_of(body: bytes | bytearray) -> ReaderAnswer:
    """Read the body of a frame as what the process answers."""
    answer: ReaderAnswer = _ANSWERS.decode(body)
    return answer


def parts_of(parsed: Parsed) -> Iterator[SomeBlocks]:
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
