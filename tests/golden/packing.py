"""Pack a golden log into one file, and take it out again: what records share is deflated once, and not in each file.

The containers of the archive are written again without deflating, which is what the archive's manifest then tells of
them. A log of release 0.1.0 lies unpacked, as it was written.
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import shutil
import tarfile
from pathlib import Path
from typing import Any

import fastavro

PACKED = "log.tar.xz"
FILTERS = [
    {
        "id": lzma.FILTER_LZMA2,
        "preset": 9,
        "dict_size": 2**25,  # all of a log
        "lc": 4,
        "lp": 0,
        "pb": 0,
        "nice_len": 273,
        "depth": 1_000,
    }
]
"""Text and digests, aligned to nothing: 3 % less than the preset."""
HELD = ("log", "run")
"""Folders of a golden log that are packed: the archive, and the key store with its master key."""


def pack(folder: Path) -> None:
    """Pack the folders of a golden log; the report stays beside them."""
    manifest = folder / "log" / "manifest.json"
    told = json.loads(manifest.read_text())
    for entry in told["files"]:
        path = folder / "log" / entry["file"]
        path.write_bytes(_undeflated(path.read_bytes()))
        entry["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(told, separators=(",", ":")))
    with (
        lzma.open(folder / PACKED, "wb", filters=FILTERS) as deflated,
        tarfile.open(fileobj=deflated, mode="w") as packed,
    ):
        for path in sorted(path for name in HELD for path in (folder / name).rglob("*")):
            entry = tarfile.TarInfo(str(path.relative_to(folder)))
            entry.type = tarfile.DIRTYPE if path.is_dir() else tarfile.REGTYPE
            entry.mode = 0o700 if path.is_dir() else 0o600
            content = b"" if path.is_dir() else path.read_bytes()
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))
    for name in HELD:
        shutil.rmtree(folder / name)


def unpacked(golden: Path, place: Path) -> Path:
    """Copy a golden log to a place that is not there yet, unpacked: its key store makes files beside itself."""
    shutil.copytree(golden, place, ignore=shutil.ignore_patterns(PACKED))
    if (golden / PACKED).exists():
        with tarfile.open(golden / PACKED) as packed:
            packed.extractall(place, filter="data")
    (place / "run" / "master.key").chmod(0o600)  # nobody else's to read
    return place


def _undeflated(container: bytes) -> bytes:
    reader = fastavro.reader(io.BytesIO(container))
    rows: list[Any] = list(reader)
    written = io.BytesIO()
    # the mark between blocks is by chance: here it is told by what is written
    mark = hashlib.md5(container, usedforsecurity=False).digest()
    fastavro.writer(written, reader.writer_schema, rows, codec="null", sync_marker=mark)
    return written.getvalue()
