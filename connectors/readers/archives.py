"""Open a ZIP file that may be hostile: sizes are looked at before anything is inflated.

Office files, OpenDocument and EPUB are ZIP files. What is checked here: how many entries, how much
they say they hold, how many times more than their bytes (a bomb), whether entries lie over each
other (a bomb too), encryption, and ways of compression that nobody writes. No more of an entry is
inflated than it says that it holds, and one byte to see whether it ends there: so what an entry
says is what it costs. Files within files are never opened.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection, Iterator
from copy import copy

from connectors.readers.damage import damaged
from connectors.readers.guards import UnreadableDocument

ENTRIES_MAX = 10_000  # a book of 5,000 pictures; each costs its record in memory
INFLATED_BYTES_MAX = 256 * 2**20
"""Of all entries together: 16 MiB of a real office file hold a tenth of it."""
RATIO_MAX = 400
"""Inflated to compressed, of what is large: deflate gives 1,032 for zeros, XML of sheets 60."""
RATIO_FROM_BYTES = 2**20
PIECE_BYTES = 2**18  # that are inflated at a time
_ENTRY, _ENCRYPTED = b"PK\x01\x02", 1
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
SMALLER = "split it, or convert it to plain text, and submit that"


class Archive:
    """A ZIP file whose entries are read one by one, when they are asked for."""

    def __init__(self, content: bytes, what: str) -> None:
        """Look at the entries; raises UnreadableDocument for what may not be opened."""
        self.what = what
        refuse_encrypted_package(content, what)
        _refuse_old_format(content, what)
        if content.count(_ENTRY) > 2 * ENTRIES_MAX:  # reading the list of them would take too long
            raise UnreadableDocument(_too_many(what))
        with damaged(what):
            self._zip = zipfile.ZipFile(io.BytesIO(content))
        entries = self._zip.infolist()
        _check(entries, len(content), what)
        self.names: Collection[str] = frozenset(entry.filename for entry in entries)

    def read(self, name: str) -> bytes:
        """Inflate an entry; raises UnreadableDocument where there is none, or it is broken."""
        with damaged(self.what):
            return b"".join(self._pieces(self._zip.getinfo(name)))

    def check_inflated(self) -> None:
        """Inflate everything in pieces and hold it against what is said of it.

        For a library that inflates by itself, and may go by what it finds instead.
        """
        with damaged(self.what):
            for entry in self._zip.infolist():
                for _ in self._pieces(entry):
                    pass

    def _pieces(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        """Inflate an entry in pieces; raises UnreadableDocument where it holds more than it says.

        `ZipFile.read` would inflate all of it, and then cut off what is too much.
        """
        asked = copy(entry)
        asked.file_size = entry.file_size + 1
        left = entry.file_size
        with self._zip.open(asked) as stream:
            while piece := stream.read(PIECE_BYTES):
                left -= len(piece)
                if left < 0:
                    raise UnreadableDocument(_bomb(self.what))
                yield piece


def _check(entries: list[zipfile.ZipInfo], size_bytes: int, what: str) -> None:
    if len(entries) > ENTRIES_MAX:
        raise UnreadableDocument(_too_many(what))
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise UnreadableDocument(protected(what))
    if any(entry.compress_type not in _COMPRESSIONS for entry in entries):
        raise UnreadableDocument(
            f"this {what} is compressed in a way that none is: save it anew and submit that"
        )
    inflated = sum(entry.file_size for entry in entries)
    if inflated > INFLATED_BYTES_MAX:
        raise UnreadableDocument(
            f"this {what} would take {inflated} bytes when it is unpacked, of "
            f"{INFLATED_BYTES_MAX} at most: {SMALLER}"
        )
    if sum(entry.compress_size for entry in entries) > size_bytes or any(map(_swells, entries)):
        raise UnreadableDocument(_bomb(what))


def _bomb(what: str) -> str:
    return (
        f"this {what} unpacks to far more than it can hold, as only a bomb does: save it anew in "
        "the program it is from and submit that"
    )


def _swells(entry: zipfile.ZipInfo) -> bool:
    return entry.file_size > RATIO_FROM_BYTES and entry.file_size > RATIO_MAX * max(
        entry.compress_size, 1
    )


def refuse_encrypted_package(content: bytes, what: str) -> None:
    """Raise UnreadableDocument for Office's way to encrypt: an old file around the ZIP file."""
    if content.startswith(OLE) and _ENCRYPTED_PACKAGE in content:
        raise UnreadableDocument(protected(what))


def _refuse_old_format(content: bytes, what: str) -> None:
    if not content.startswith(OLE):
        return
    raise UnreadableDocument(
        f"this is an old Office file, not a {what}: save it in today's format and submit that"
    )


def refuse_encrypted_entries(archive: Archive) -> None:
    """Raise UnreadableDocument for OpenDocument's way to encrypt: a list of keys beside entries."""
    name = "META-INF/manifest.xml"
    if name in archive.names and b"encryption-data" in archive.read(name):
        raise UnreadableDocument(protected(archive.what))


def protected(what: str) -> str:
    """Say that a file is encrypted."""
    return f"this {what} is encrypted: save it without a password and submit that"


def _too_many(what: str) -> str:
    return f"this {what} has more than {ENTRIES_MAX} entries: {SMALLER}"
