"""Folders in memory, for tests that cut no power: what commits to a store on a disk waits for the disk each time."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")  # where Linux has a file system in memory
MEMORY_BYTES_MIN = 2_000_000_000  # a container has 64 MB of it, if nobody asks for more


def has_room(folder: Path, bytes_min: int = MEMORY_BYTES_MIN) -> bool:
    """Whether a folder is there and has room for the files of tests."""
    return folder.is_dir() and shutil.disk_usage(folder).free >= bytes_min


def prefix() -> str:
    """Return how the names of this process's folders begin: the next run removes those of a dead one."""
    return f"playhead-tests-{os.getpid()}-"


@contextmanager
def a_folder() -> Iterator[Path]:
    """Make a folder for a moment, as an example of a property needs it; on the disk where memory has no room."""
    place = MEMORY if has_room(MEMORY) else None
    with tempfile.TemporaryDirectory(prefix=prefix(), dir=place) as folder:
        yield Path(folder)
