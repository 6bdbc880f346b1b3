"""Parts of archives that were brought here from elsewhere, as files named by their SHA-256.

A part is believed by its digest alone, whenever it is opened, so whoever writes into the folder can
at most have it brought again. The folder is bounded: what was opened longest ago is deleted, and
several processes may do so, since one who has a part open goes on reading it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path

from agents.errors import Transient
from connectors.local_files import make_folder

NAME = re.compile(r"[0-9a-f]{64}")
PART_BYTES_MAX = 2**30  # an export ends a file behind 64 MiB of values
STALE_S = 86_400.0  # after which what a kill left half is deleted
HASHED_BYTES = 1_048_576  # at once
BEGUN = ".begun-"

Bring = Callable[[Callable[[], Callable[[bytes], object]]], bool]
"""Hands a part over in chunks, to what it is given; begins anew as often as it must."""


class PartCache:
    """A folder of parts; processes may share it."""

    def __init__(self, folder: Path, bytes_max: int) -> None:
        """Keep at most `bytes_max`; the newest part is kept even where it alone has more."""
        self.folder = folder
        self._bytes_max = bytes_max

    def open(self, sha256: str, bring: Bring) -> BufferedReader:
        """Open a part, which is brought where it is not here.

        Raises FileNotFoundError where it is nowhere, OSError where it is another one than its
        digest says, Transient where it can't be brought now or this folder takes no more.
        """
        if not NAME.fullmatch(sha256):
            raise OSError(0, "the manifest's SHA-256 of it is none")
        return self._opened(sha256) or self._brought(sha256, bring)

    @contextmanager
    def work_folder(self, prefix: str) -> Iterator[Path]:
        """Make a folder for what is worked on, which goes in the end."""
        make_folder(self.folder)
        for path in self.folder.glob(f"{prefix}*/"):  # what a kill left
            with suppress(OSError):
                if path.stat().st_mtime < time.time() - STALE_S:
                    shutil.rmtree(path)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=prefix) as folder:
            yield Path(folder)

    def _opened(self, sha256: str) -> BufferedReader | None:
        path = self.folder / sha256
        try:
            file = path.open("rb")
        except OSError:
            return None
        try:
            if hashlib.file_digest(file, "sha256").hexdigest() == sha256:
                file.seek(0)
                os.utime(path)
                return file
        except OSError:  # it was deleted meanwhile, or the disk lost it
            pass
        file.close()
        return None

    def _brought(self, sha256: str, bring: Bring) -> BufferedReader:
        begun = None
        try:
            make_folder(self.folder)
            begun = _BegunPart(self.folder)
            there = bring(begun.begin)
            if there and begun.digest.hexdigest() == sha256:
                file = begun.keep(self.folder / sha256)
                self._delete_oldest(sha256)
                return file
        except _TooLarge:
            most = f"it has more than {PART_BYTES_MAX} bytes: no export writes such"
            raise OSError(0, most) from None
        except OSError as error:
            raise _no_room(self.folder, error) from None
        finally:
            if begun is not None:
                begun.drop()
        if not there:
            raise FileNotFoundError(2, "it is not there")
        raise OSError(0, "it was changed: its SHA-256 is not the manifest's")

    def _delete_oldest(self, kept: str) -> None:
        found = []
        for path in self.folder.iterdir():
            with suppress(OSError):
                told = path.stat()
                if NAME.fullmatch(path.name):
                    found.append((told.st_mtime, told.st_size, path))
                elif path.name.startswith(BEGUN) and told.st_mtime < time.time() - STALE_S:
                    path.unlink()
        held = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if held <= self._bytes_max:
                return
            if path.name != kept:
                with suppress(OSError):
                    path.unlink()
                held -= size


def _no_room(folder: Path, error: OSError) -> Transient:
    return Transient(
        f"can't keep a part of an archive in {folder}: {error.strerror}; make room, or name "
        "another folder (PLAYHEAD_ARCHIVE_CACHE)"
    )


class _TooLarge(Exception):
    """More came than any part has."""


class _BegunPart:
    """A part on its way, in a file that has no name of a part yet."""

    def __init__(self, folder: Path) -> None:
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=BEGUN)
        self._file = os.fdopen(descriptor, "w+b")
        self._path = Path(name)
        self._size = 0
        self._kept = False
        self.digest = hashlib.sha256()

    def begin(self) -> Callable[[bytes], object]:
        """Begin anew; returns what takes the chunks."""
        self._file.seek(0)
        self._file.truncate()
        self._size, self.digest = 0, hashlib.sha256()
        return self._take

    def _take(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > PART_BYTES_MAX:
            raise _TooLarge
        self.digest.update(chunk)
        try:
            self._file.write(chunk)
        except OSError as error:
            raise _no_room(self._path.parent, error) from None

    def keep(self, path: Path) -> BufferedReader:
        """Give the part its name; returns it open, which it stays whoever deletes it."""
        self._file.flush()
        file = self._path.open("rb")
        self._path.replace(path)
        self._kept = True
        return file

    def drop(self) -> None:
        """Let go of the file, and delete it where it was not kept."""
        with suppress(OSError):
            self._file.close()
        if not self._kept:
            self._path.unlink(missing_ok=True)
