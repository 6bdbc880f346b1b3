"""OLE containers as Outlook writes them, by another hand than the one that reads them (MS-CFB)."""

from __future__ import annotations

import struct

SECTOR = 512
SMALL = 4_096
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
STORAGE, STREAM, ROOT = 1, 2, 5


def ole_file(tree):
    """Return a container of folders (dicts) and streams (bytes).

    Small streams, which lie elsewhere, are none of them: zeros fill them up to SMALL.
    """
    entries = []  # name, type, child, sibling, content
    _add(entries, "Root Entry", ROOT, tree)
    sectors, starts = [], []
    for _, _, _, _, content in entries:
        starts.append(len(sectors) if content else END)
        sectors += [content[at : at + SECTOR] for at in range(0, len(content), SECTOR)]
    chain = []
    for (_, _, _, _, content), start in zip(entries, starts, strict=True):
        if content:
            count = -(-len(content) // SECTOR)
            chain += [*range(start + 1, start + count), END]
    listing = b"".join(
        _entry(*one[:4], start, len(one[4])) for one, start in zip(entries, starts, strict=True)
    )
    first = len(sectors)
    pages = -(-len(listing) // SECTOR)
    sectors += [listing[at : at + SECTOR] for at in range(0, len(listing), SECTOR)]
    chain += [*range(first + 1, first + pages), END]
    fats = 1
    while fats * (SECTOR // 4) < len(chain) + fats:
        fats += 1
    chain += [FAT] * fats
    chain += [FREE] * (fats * (SECTOR // 4) - len(chain))
    header = struct.pack(
        "<8s16sHHHHHHIIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"", 0x3E, 3, 0xFFFE, 9, 6,
        0, 0, 0, fats, first, 0, 0, END, 0, END, 0,
    )  # fmt: skip
    places = [len(sectors) + number for number in range(fats)]
    header += struct.pack("<109I", *places, *[FREE] * (109 - fats))
    body = b"".join(one.ljust(SECTOR, b"\0") for one in sectors)
    return header + body + struct.pack(f"<{len(chain)}I", *chain)


def _add(entries, name, kind, content):
    at = len(entries)
    entries.append(None)
    child = FREE
    if isinstance(content, dict):
        for inner, value in reversed(content.items()):  # each the right sibling of the one before
            number = _add(entries, inner, STORAGE if isinstance(value, dict) else STREAM, value)
            entries[number][3] = child
            child = number
        content = b""
    else:
        content = content.ljust(SMALL, b"\0")
    entries[at] = [name, kind, child, FREE, content]
    return at


def _entry(name, kind, child, sibling, start, size):
    spelt = name.encode("utf-16-le") + b"\0\0"
    return struct.pack(
        "<64sHBBIII16sIQQIQ", spelt, len(spelt), kind, 1, FREE, sibling, child, b"", 0, 0, 0, start, size
    )  # fmt: skip
