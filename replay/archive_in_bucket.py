"""An archive in a bucket: the same files under the same names as in a folder, below a prefix.

    <topic>/<partition>/<first-offset>.avro, manifest.json, seal/    as `replay.archive` says
    .unfinished/<base>/                                              see `replay.bucket_export`

The manifest is read where it lies whenever the archive is opened; of the others those that are
read are brought here, whole, into a cache that goes by their digests. The seal has no digests,
since signatures hold it: it is copied anew each time.
"""

from __future__ import annotations

import atexit
import io
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TypeVar, cast

from agents.errors import Transient
from connectors.bucket_objects import BucketObjects, bucket_at
from replay.archive import MANIFEST_BYTES_MAX, SEAL, UNFINISHED, BadArchive
from replay.part_cache import PartCache
from streams.settings import Settings

NOTES, PARTS = "notes", "parts"
AT_ONCE = 8  # requests under way: a seal is thousands of small files
SEAL_FILES_MAX = 1_000_000  # one holds 256 records
SEAL_BYTES_MAX = 256 * 2**20  # of one of its files: a checkpoint takes some 300
NAME_PARTS_MAX = 12  # of a file of the seal
T = TypeVar("T")


class BucketFiles:
    """The files of an archive in a bucket."""

    def __init__(self, address: str, objects: BucketObjects, cache: PartCache) -> None:
        self._address = address
        self.objects = objects
        self.cache = cache

    @property
    def place(self) -> str:
        """The address."""
        return self._address

    def open(self, name: str, sha256: str | None = None) -> io.BufferedReader:
        """Open a file, as `ArchiveFiles.open`; one without a digest is read into memory."""
        if sha256 is not None:
            return self.cache.open(sha256, lambda begin: self.objects.copy_out(name, begin))
        content, _ = self.objects.get_tagged(name, MANIFEST_BYTES_MAX + 1)
        if content is None:
            raise FileNotFoundError(2, "it is not there")
        return io.BufferedReader(cast("io.RawIOBase", io.BytesIO(content)))

    def names(self) -> Iterator[str]:
        """List what lies there, as `ArchiveFiles.names`."""
        beside = (f"{SEAL}/", f"{UNFINISHED}/")
        return (name for name in self.objects.names() if not name.startswith(beside))

    def begun(self) -> frozenset[str]:
        """Return what the notes of an unfinished export name, as `ArchiveFiles.begun`."""
        return frozenset(map(file_noted, self.objects.names(UNFINISHED)))

    def seal_copied(self) -> Path:
        """Copy the seal here; returns its folder, which goes when the process ends.

        Raises BadArchive where it holds what no seal does.
        """
        kept = ExitStack()
        atexit.register(kept.close)
        folder = kept.enter_context(self.cache.work_folder("seal-"))
        names = list(islice(self.objects.names(SEAL), SEAL_FILES_MAX + 1))
        for name in names:
            plain = not {"", ".", ".."} & set(name.split("/")) and "\0" not in name
            if not plain or name.count("/") >= NAME_PARTS_MAX or len(names) > SEAL_FILES_MAX:
                raise BadArchive(f"{self.place} holds {name[:200]!r}: no seal has such a file")
        in_threads(lambda name: self._copy(name, folder / name), names)
        return folder / SEAL

    def _copy(self, name: str, path: Path) -> None:
        content, _ = self.objects.get_tagged(name, SEAL_BYTES_MAX + 1)
        if content is None:  # another export replaced it meanwhile
            return
        if len(content) > SEAL_BYTES_MAX:
            raise BadArchive(f"{name} of {self.place} has more than {SEAL_BYTES_MAX} bytes")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise BadArchive(f"{name} of {self.place} is a file and a folder") from None
        except OSError as error:
            raise Transient(
                f"can't copy the seal of {self.place} to {path.parent}: {error.strerror}; make "
                "room, or name another folder (PLAYHEAD_ARCHIVE_CACHE)"
            ) from None


def bucket_files(settings: Settings, address: str) -> BucketFiles:
    """Return the files of the archive at an s3:// address."""
    cache = PartCache(settings.archive_cache_path, settings.archive_cache_mb * 2**20)
    return BucketFiles(address, bucket_at(settings, address), cache)


def in_threads(do: Callable[[T], object], many: Iterable[T]) -> None:
    """Do something with each of many, some at once; raises what the first of them raised."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for _ in pool.map(do, many):
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def note_of(name: str) -> str:
    """Name the note of a file of an archive, below a folder of notes."""
    return name.removesuffix(".avro") + ".json"


def file_noted(note: str) -> str:
    """Return the file that the name of a note tells of; empty for what is no note."""
    match note.split("/"):
        case [_, _, kind, topic, partition, first] if kind == NOTES:
            return f"{topic}/{partition}/{first.removesuffix('.json')}.avro"
    return ""
