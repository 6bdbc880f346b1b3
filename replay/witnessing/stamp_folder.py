"""The stamps of a seal: which checkpoints were there by when.

    timestamps/NUMBER.txt    the newest checkpoint of every partition: SHA-256, origin, size
    timestamps/NUMBER.tsr    the authority's response (RFC 3161) over that file

One stamp covers all partitions, since authorities let nobody ask a hundred times a minute. Any tool
checks one: `openssl ts -verify -in NUMBER.tsr -data NUMBER.txt -CAfile ROOTS`. The digests are
those of the checkpoints' texts, up to the empty line before the signatures.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from replay.archive import open_file
from replay.disk_trouble import told_from_damage
from replay.seal.checkpoint import tree_of
from replay.seal.seal_folder import SealFolder, text_of
from replay.seal.tiles import write_whole

STAMPS = "timestamps"
HEAD = "checkpoints of a log, by the SHA-256 of their texts"
LINE = re.compile(r"([0-9a-f]{64})  (\S{1,1000}) (0|[1-9][0-9]{0,18})")
LIST_BYTES_MAX = 16_000_000
NAME = re.compile(r"([0-9]{9})\.tsr")


STAMP_BYTES_MAX = 64 * 1024


class BadStamp(ValueError):
    """What is no time stamp of these bytes by these roots; the message says why."""


@dataclass(frozen=True)
class StampedList:
    """What one stamp is over: checkpoints by origin, each with digest and size."""

    checkpoints: dict[str, tuple[str, int]]

    def spelt(self) -> bytes:
        """Return the file that is stamped."""
        rows = (
            f"{digest}  {origin} {size}\n"
            for origin, (digest, size) in sorted(self.checkpoints.items())
        )
        return f"{HEAD}\n{''.join(rows)}".encode()

    @classmethod
    def read(cls, content: bytes) -> StampedList:
        """Read such a file; raises BadStamp."""
        head, *lines = content.decode(errors="replace").split("\n")
        if head != HEAD or not lines or lines.pop():
            raise BadStamp("what was stamped is no list of checkpoints")
        found = {}
        for line in lines:
            match = LINE.fullmatch(line)
            if match is None or match[2] in found:
                raise BadStamp("what was stamped is no list of checkpoints")
            found[match[2]] = match[1], int(match[3])
        return cls(found)

    @classmethod
    def of(cls, folder: SealFolder) -> StampedList:
        """List the newest checkpoints of a seal; raises BadNote for one that is none."""
        found = {}
        for tree in folder.trees():
            text = f"{text_of(tree.note)}\n"
            origin, size, *_ = tree_of(text)
            found[origin] = digest_of(text), size
        return cls(found)


class StampFolder:
    """The stamps that lie with a seal, in the order in which they came."""

    def __init__(self, folder: SealFolder) -> None:
        self.folder = folder.folder / STAMPS

    def numbers(self) -> list[int]:
        """List the stamps."""
        try:
            names = [path.name for path in self.folder.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(int(match[1]) for name in names if (match := NAME.fullmatch(name)))

    def read(self, number: int) -> tuple[bytes, bytes]:
        """Return what was stamped, and the response; raises BadStamp where they can't be read."""
        return self._file(f"{number:09d}.txt", LIST_BYTES_MAX), self._file(
            f"{number:09d}.tsr", STAMP_BYTES_MAX
        )

    def keep(self, content: bytes, response: bytes, number: int | None = None) -> None:
        """Keep a stamp; what it is over is there before it."""
        numbers = self.numbers()
        at = number if number is not None else (numbers[-1] + 1 if numbers else 1)
        write_whole(self.folder / f"{at:09d}.txt", content)
        write_whole(self.folder / f"{at:09d}.tsr", response)

    def _file(self, name: str, bytes_max: int) -> bytes:
        try:
            with open_file(self.folder, name) as file, told_from_damage(f"{self.folder}/{name}"):
                content = file.read(bytes_max + 1)
        except OSError as error:
            raise BadStamp(f"{self.folder / name} can't be read: {error.strerror}") from None
        if len(content) > bytes_max:
            raise BadStamp(f"{self.folder / name} has more than {bytes_max} bytes")
        return content


def copy_stamps(sealed: SealFolder, target: SealFolder, sizes: Mapping[str, int]) -> None:
    """Copy the stamps of which an archive has every checkpoint; `sizes` are its newest, by origin.

    One that can't be read is left out: the seal's own check tells of it.
    """
    into = StampFolder(target)
    stamps = StampFolder(sealed)
    for number in stamps.numbers():
        try:
            content, response = stamps.read(number)
            listed = StampedList.read(content).checkpoints
        except BadStamp:
            continue
        if all(size <= sizes.get(origin, -1) for origin, (_, size) in listed.items()):
            into.keep(content, response, number)


def digest_of(text: str) -> str:
    """Return the digest of a checkpoint's text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
