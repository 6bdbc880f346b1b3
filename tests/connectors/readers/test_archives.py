"""ZIP files are looked at before anything is inflated: a bomb costs what it weighs."""

import io
import struct
import tracemalloc
import zipfile
import zlib

import pytest

from connectors.readers.archives import (
    ENTRIES_MAX,
    INFLATED_BYTES_MAX,
    RATIO_FROM_BYTES,
    Archive,
)
from connectors.readers.guards import UnreadableDocument
from tests.connectors.readers.written import zip_of


def refused(content: bytes) -> str:
    with pytest.raises(UnreadableDocument) as error:
        Archive(content, "Word file")
    return str(error.value)


def test_entries_are_read_when_they_are_asked_for():
    archive = Archive(zip_of({"a.xml": b"<a/>", "b/c.xml": b"<c/>"}), "Word file")
    assert archive.names == {"a.xml", "b/c.xml"}
    assert archive.read("b/c.xml") == b"<c/>"


def test_an_entry_that_is_not_there_is_damage():
    with pytest.raises(UnreadableDocument, match="damaged"):
        Archive(zip_of({"a": b""}), "Word file").read("b")


def test_a_bomb_is_refused_without_being_inflated():
    bomb = zip_of({"a.xml": b"\0" * (16 * 2**20)})
    assert len(bomb) < 20_000
    tracemalloc.start()
    assert "bomb" in refused(bomb)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < RATIO_FROM_BYTES


def test_many_entries_that_are_each_in_order_are_too_much_together():
    page = bytes(range(256)) * 65_536  # 16 MiB that deflate to a 250th
    entries = {f"{n}.xml": page for n in range(INFLATED_BYTES_MAX // len(page) + 1)}
    assert f"of {INFLATED_BYTES_MAX} at most" in refused(zip_of(entries))


def test_what_says_less_than_it_holds_gives_no_more_than_it_says():
    """So what an entry says of itself is what it costs."""
    content = bytearray(zip_of({"a.xml": b"x" * 100_000}))
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.index(mark) + at, 10)
    archive = Archive(bytes(content), "Word file")
    with pytest.raises(UnreadableDocument, match="damaged"):
        archive.read("a.xml")
    with pytest.raises(UnreadableDocument, match="damaged"):
        archive.check_inflated()


@pytest.mark.parametrize(("summed", "says"), [(10, "damaged"), (11, "only a bomb")])
@pytest.mark.parametrize("reading", [lambda one: one.read("a.xml"), Archive.check_inflated])
def test_what_says_less_than_it_holds_costs_no_more_than_it_says(reading, summed, says):
    """Its checksum is that of its beginning: who writes that means it."""
    content = bytearray(zip_of({"a.xml": b"x" * (32 * 2**20)}))
    said = (zlib.crc32(b"x" * summed), 10)
    for mark, sum_at, size_at in ((b"PK\x03\x04", 14, 22), (b"PK\x01\x02", 16, 24)):
        for at, value in zip((sum_at, size_at), said, strict=True):
            struct.pack_into("<I", content, content.index(mark) + at, value)
    archive = Archive(bytes(content), "Word file")
    tracemalloc.start()
    with pytest.raises(UnreadableDocument, match=says):
        reading(archive)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 2 * RATIO_FROM_BYTES


def test_entries_that_lie_over_each_other_are_refused():
    """One stream of bytes, named a hundred times: each inflates to a megabyte."""
    content = zip_of({"a": b"\0" * 1_000_000})
    start = content.index(b"PK\x01\x02")
    end = content.index(b"PK\x05\x06")
    listed = bytearray(content[start:end])
    entries = b"".join(bytes(listed[:46]) + bytes([97 + n]) for n in range(20))
    tail = bytearray(content[end:])
    struct.pack_into("<HHI", tail, 8, 20, 20, len(entries))
    assert "bomb" in refused(content[:start] + entries + bytes(tail))


def test_too_many_entries_are_refused_before_their_list_is_read():
    content = zip_of({str(n): b"" for n in range(ENTRIES_MAX + 1)}, zipfile.ZIP_STORED)
    assert f"more than {ENTRIES_MAX} entries" in refused(content)
    many = content + b"PK\x01\x02" * (2 * ENTRIES_MAX)
    assert f"more than {ENTRIES_MAX} entries" in refused(many)


def test_ways_of_compression_that_no_office_file_has_are_refused():
    assert "compressed in a way" in refused(zip_of({"a": b"a" * 99}, zipfile.ZIP_LZMA))


def test_an_encrypted_entry_says_so():
    content = bytearray(zip_of({"a.xml": b"secret"}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + at] |= 1
    error = refused(bytes(content))
    assert "encrypted" in error
    assert "without a password" in error
    assert "secret" not in error


@pytest.mark.parametrize("content", [b"", b"PK", b"text", bytes(999), zip_of({"a": b"a"})[:40]])
def test_what_is_no_zip_file_is_damaged(content):
    error = refused(content)
    assert "Word file is damaged, or is none" in error
    assert "submit" in error


def test_a_zip_file_in_a_zip_file_is_an_entry_like_another():
    inner = zip_of({"bomb": b"\0" * 10_000_000})
    outer = Archive(zip_of({"inner.zip": inner}, zipfile.ZIP_STORED), "Word file")
    assert outer.read("inner.zip") == inner
    assert zipfile.is_zipfile(io.BytesIO(inner))


def test_the_old_office_format_is_told_from_an_encrypted_file():
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    assert "old Office file" in refused(ole)
    assert "encrypted" in refused(ole + "EncryptedPackage".encode("utf-16-le"))
