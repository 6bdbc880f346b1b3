"""Tiles: the hashes of a tree in files of the C2SP tlog-tiles layout, which common tools read.

    tile/LEVEL/N            256 hashes of the tree's level 8 * LEVEL: those from 256 * N on
    tile/LEVEL/N.p/WIDTH    the first WIDTH of them, where there are no more yet

N is spelt in groups of three digits, all but the last behind an x: 1,234,067 is x001/x234/067.
Every other hash follows from at most 256 of these. A full tile never changes, so what was written
stays; of partial ones the widest counts. Entries are not put in tiles of their own: the archive
holds the records, and a record may be larger than an entry of that layout.

Whatever is read is checked against a signed root (see `merkle`); a tile alone proves nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

from replay.archive import open_file
from replay.disk_trouble import told_from_damage
from replay.seal.merkle import HASH_BYTES, Frontier, node_hash

HEIGHT = 8
WIDTH = 1 << HEIGHT
GROUP = 1_000
PARTIAL = ".p"


def tile_path(level: int, number: int, width: int = WIDTH) -> str:
    """Name a tile, as it lies below the folder of its tree."""
    groups = [f"{number % GROUP:03d}"]
    while number := number // GROUP:
        groups.append(f"x{number % GROUP:03d}")
    path = f"tile/{level}/{'/'.join(reversed(groups))}"
    return path if width == WIDTH else f"{path}{PARTIAL}/{width}"


class Tiles:
    """The stored hashes of one tree; a `merkle.HashReader` of its first `size` leaves."""

    def __init__(self, folder: Path, size: int) -> None:
        """Read a tree of so many leaves; nothing is opened yet."""
        self.folder = folder
        self.size = size
        self._read: dict[tuple[int, int], bytes] = {}

    def hash_at(self, level: int, index: int) -> bytes:
        """Return the hash over leaves [index * 2^level, (index + 1) * 2^level).

        Raises LookupError where these are not all in the tree, or a tile is not there.
        """
        if index < 0 or (index + 1) << level > self.size:
            raise LookupError(f"a tree of {self.size} leaves has no full part {index} of {level}")
        tile_level, above = divmod(level, HEIGHT)
        first, count = index << above, 1 << above
        number, start = divmod(first, WIDTH)
        tile = self._tile(tile_level, number)
        hashes = [
            tile[place * HASH_BYTES : (place + 1) * HASH_BYTES]
            for place in range(start, start + count)
        ]
        while len(hashes) > 1:
            hashes = [
                node_hash(left, right)
                for left, right in zip(hashes[::2], hashes[1::2], strict=True)
            ]
        return hashes[0]

    def frontier(self) -> Frontier:
        """Return the roots of the tree's full parts, from which it can grow; raises LookupError."""
        hashes, start = [], 0
        for level in reversed(range(self.size.bit_length())):
            if self.size >> level & 1:
                hashes.append(self.hash_at(level, start >> level))
                start += 1 << level
        return Frontier(self.size, hashes)

    def _tile(self, level: int, number: int) -> bytes:
        if (level, number) not in self._read:
            self._read[level, number] = self._load(level, number)
        return self._read[level, number]

    def _load(self, level: int, number: int) -> bytes:
        """Read a tile: the one of this size, else a wider one, which a larger tree has.

        A full one may be of a pass that ended before it signed, of records that were lost then.
        """
        width = min(WIDTH, (self.size >> level * HEIGHT) - number * WIDTH)
        for path in self._candidates(level, number, width):
            try:
                with open_file(path.parent, path.name) as file, told_from_damage(str(path)):
                    content = file.read(width * HASH_BYTES)
            except OSError:
                continue
            if len(content) == width * HASH_BYTES:
                return content
        raise LookupError(f"{self.folder}/{tile_path(level, number, width)} is not there")

    def _candidates(self, level: int, number: int, width: int) -> list[Path]:
        whole = self.folder / tile_path(level, number)
        exact = self.folder / tile_path(level, number, width)
        wider = Path(f"{whole}{PARTIAL}")
        others = sorted(wider.iterdir()) if wider.is_dir() else []
        return [exact, whole, *others]


class TileWriter:
    """Appends leaves to a stored tree; what is not saved is forgotten."""

    def __init__(self, folder: Path, size: int = 0) -> None:
        """Go on with a tree of so many leaves; raises LookupError where the folder lacks some."""
        self.folder = folder
        stored = Tiles(folder, size)
        self.frontier = stored.frontier()
        self._open: dict[int, list[bytes]] = {}
        """Of each level of tiles, the hashes of the tile that is not full."""
        for level in range(-(-size.bit_length() // HEIGHT)):
            hashes = size >> level * HEIGHT
            start = hashes - hashes % WIDTH
            self._open[level] = [
                stored.hash_at(level * HEIGHT, index) for index in range(start, hashes)
            ]

    @property
    def size(self) -> int:
        """Leaves so far."""
        return self.frontier.size

    def append(self, leaf: bytes) -> None:
        """Add the hash of a leaf; a tile that is full by it is written."""
        for level, index, digest in self.frontier.append(leaf):
            if level % HEIGHT:
                continue
            tile_level = level // HEIGHT
            hashes = self._open.setdefault(tile_level, [])
            hashes.append(digest)
            if len(hashes) == WIDTH:
                write_whole(self.folder / tile_path(tile_level, index // WIDTH), b"".join(hashes))
                self._open[tile_level] = []

    def save(self) -> None:
        """Write the tiles that are not full, so that the tree of this moment can be read."""
        for level, hashes in self._open.items():
            if hashes:
                number = (self.size >> level * HEIGHT) // WIDTH
                path = self.folder / tile_path(level, number, len(hashes))
                write_whole(path, b"".join(hashes))


def write_whole(path: Path, content: bytes) -> None:
    """Put a whole file in its place, on the disk before its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
