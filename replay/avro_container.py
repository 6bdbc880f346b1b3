"""Avro object container files, as an archive holds them, from hands that may be hostile.

A container is walked block by block before a library reads it, so that no block is larger than an
export makes one, and none unpacks to more. Its definition is looked at like any foreign one.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple, cast

import fastavro
from backports import zstd

from schemas import ArchivedRecord, foreign
from schemas.binary import LONG, text

MAGIC = b"Obj\x01"
SYNC_BYTES = 16
HEADER_BYTES_MAX = 1_048_576  # a definition takes some 40,000 at most
BLOCK_BYTES_MAX = 16 * 2**20  # an export ends a block behind 16,000 bytes and one record
READ_BYTES = 262_144  # of blocks, inflated, that the library reads at once
VARINT_BYTES_MAX = 10
WINDOW_LOG = 24  # 16 MiB, as much as a block: no frame may ask for more memory


class BadContainer(ValueError):
    """A file that is no container of ours; the message says what is wrong with it."""


class FileHeader(NamedTuple):
    """What a container begins with."""

    plain: bytes
    """As it begins where its blocks are not packed."""
    codec: str
    """What its blocks are packed by: null, deflate or zstandard."""
    sync: bytes


class ContainerBlock(NamedTuple):
    """Rows of a container, one behind the other."""

    rows: int
    data: bytes
    """Unpacked."""


def rows(file: io.BufferedReader, read_bytes: int = READ_BYTES) -> Iterator[dict[str, Any]]:
    """Read the rows of a container in order; raises BadContainer, or what damaged bytes lead to."""
    header = _header(file)
    blocks, size = [], 0
    for block in _blocks(file, header):
        blocks.append(block)
        size += len(block.data)
        if size >= read_bytes:
            yield from _read(header, blocks)
            blocks, size = [], 0
    yield from _read(header, blocks)


def _read(header: FileHeader, blocks: Iterable[ContainerBlock]) -> Iterator[dict[str, Any]]:
    """Read blocks with a library, as they were written: an archive's format says by what.

    They were unpacked when they were looked at, so the library is not to do it again.
    """
    parts = [header.plain]
    for count, data in blocks:
        parts += (LONG[count], LONG[len(data)], data, header.sync)
    yield from cast("Iterator[dict[str, Any]]", fastavro.reader(io.BytesIO(b"".join(parts))))


def _header(file: BinaryIO) -> FileHeader:
    """Read a header; raises BadContainer for one by whose definition nothing may be read."""
    reader = _Bytes(file)
    if reader.take(len(MAGIC)) != MAGIC:
        raise BadContainer("it does not begin as an Avro container does")
    entries: dict[str, bytes] = {}
    while count := reader.number():
        if count < 0:
            reader.number()  # the bytes of what follows, for those who skip it
        for _ in range(abs(count)):
            name = reader.take(reader.size()).decode("utf-8", "replace")
            entries[name] = reader.take(reader.size())
    codec = entries.get("avro.codec", b"null").decode("utf-8", "replace")
    if codec not in UNPACKED:
        raise BadContainer(f"its codec is none of {', '.join(UNPACKED)}")
    try:
        definition = json.loads(entries.get("avro.schema", b""))
        foreign.check(definition)
    except (ValueError, RecursionError) as error:
        raise BadContainer(f"its definition can't be read: {error}") from None
    name = str(definition.get("name")) if isinstance(definition, dict) else ""
    if name.rpartition(".")[2] != ArchivedRecord.SCHEMA:
        raise BadContainer("it holds other things than archived records")
    sync = reader.take(SYNC_BYTES)
    schema = entries["avro.schema"]
    plain = (MAGIC, LONG[1], text("avro.schema"), LONG[len(schema)], schema, LONG[0], sync)
    return FileHeader(b"".join(plain), codec, sync)


def _blocks(file: io.BufferedReader, header: FileHeader) -> Iterator[ContainerBlock]:
    """Yield the blocks of a container, each looked at."""
    while file.peek(1):
        reader = _Bytes(file, BLOCK_BYTES_MAX + 64)
        count, size = reader.size(), reader.size()
        if size > BLOCK_BYTES_MAX:
            raise BadContainer(f"a block says that it has {size} bytes")
        data = UNPACKED[header.codec](reader.take(size))
        if len(data) > BLOCK_BYTES_MAX or count > len(data):
            raise BadContainer("a block holds more than an export puts into one")
        if reader.take(SYNC_BYTES) != header.sync:
            raise BadContainer("a block does not end as its container says")
        yield ContainerBlock(count, data)


def _inflated(data: bytes) -> bytes:
    """Inflate a block, no further than one byte more than one may have."""
    inflate = zlib.decompressobj(-15)
    try:
        inflated = inflate.decompress(data, BLOCK_BYTES_MAX + 1)
    except zlib.error as error:
        raise BadContainer(f"a block can't be inflated: {error}") from None
    if not inflate.eof and len(inflated) <= BLOCK_BYTES_MAX:
        raise BadContainer("a block can't be inflated: it is cut off")
    return inflated


def _unzstd(data: bytes) -> bytes:
    """Unpack a block, no further than one byte more than one may have."""
    unpack = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: WINDOW_LOG})
    try:
        unpacked = unpack.decompress(data, BLOCK_BYTES_MAX + 1)
    except zstd.ZstdError as error:
        raise BadContainer(f"a block can't be unpacked: {error}") from None
    if not unpack.eof and len(unpacked) <= BLOCK_BYTES_MAX:
        raise BadContainer("a block can't be unpacked: it is cut off")
    return unpacked


def _plain(data: bytes) -> bytes:
    return data


UNPACKED = {"null": _plain, "deflate": _inflated, "zstandard": _unzstd}
"""Codec (Avro specification, required and optional codecs) -> what unpacks a block of it."""


class _Bytes:
    """Takes bytes and numbers from a file, no more than a bound."""

    def __init__(self, file: BinaryIO, bytes_max: int = HEADER_BYTES_MAX) -> None:
        self._file = file
        self._left = bytes_max

    def take(self, count: int) -> bytes:
        """Take so many bytes; raises BadContainer where there are fewer."""
        if count > self._left:
            raise BadContainer("a part of it says that it is longer than any may be")
        taken = self._file.read(count)
        if len(taken) < count:
            raise BadContainer("it is cut off")
        self._left -= count
        return taken

    def size(self) -> int:
        """Take a number that counts something."""
        number = self.number()
        if number < 0:
            raise BadContainer("a part of it counts less than nothing")
        return number

    def number(self) -> int:
        """Take a variable-length zig-zag number (Avro specification, binary encoding)."""
        number = 0
        for shift in range(VARINT_BYTES_MAX):
            byte = self.take(1)[0]
            number |= (byte & 0x7F) << (7 * shift)
            if byte < 0x80:
                return (number >> 1) ^ -(number & 1)
        raise BadContainer("a number in it does not end")
