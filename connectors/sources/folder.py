"""A folder as a source: its files by times and size, links bounded, names of any bytes.

Hidden files are left out. A link to a folder is not followed, so no loop can be walked; a link to a
file counts as a file where it stays within the folder (as volumes of Kubernetes have them).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from connectors.media_types import PICTURES
from connectors.sources.file_uris import PICTURE, media_type_of, no_kind, shown, uri_of_resolved
from connectors.sources.findings import (
    FoundDocument,
    GoneMeanwhile,
    KnownVersions,
    LeftOut,
    ReadVersion,
    SourceAway,
    SourceFinding,
    UnreadDocument,
)
from connectors.sources.name_patterns import NamePatterns


class FolderSource:
    """The files below a folder; memory grows with the entries of one folder alone."""

    def __init__(self, folder: Path, patterns: NamePatterns, bytes_max: int) -> None:
        self._root = folder.resolve()
        self._patterns = patterns
        self._bytes_max = bytes_max
        self.absence_tells = True
        self.incomplete = ""
        self.cursor = ""

    def expected(self) -> int | None:
        """Count the files, as far as they can be seen."""
        return sum(1 for _ in self._walk(lambda _folder, _error: None))

    def found(self, _known: KnownVersions, _cursor: str) -> Iterator[SourceFinding]:
        """List the files, folder by folder, in the order of their names."""
        if not self._root.is_dir():
            raise SourceAway(f"{shown(self._root)} is no folder: is it mounted?")
        unread: list[LeftOut] = []

        def note(folder: Path, error: OSError) -> None:
            reason = f"the folder can't be listed: {error.strerror or type(error).__name__}"
            unread.append(LeftOut(shown(folder), reason, "failed"))
            self.incomplete = f"{shown(folder)} can't be listed"

        for path, is_link in self._walk(note):
            yield from unread
            unread.clear()
            if (finding := self._finding(path, is_link=is_link)) is not None:
                yield finding
        yield from unread

    def _walk(self, note: Callable[[Path, OSError], None]) -> Iterator[tuple[Path, bool]]:
        """Yield files, and whether each is a link; `note` is told of folders that can't be listed.

        A folder may go while it is walked: its files are then gone too.
        """
        waiting = [self._root]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(folder) as listing:
                    entries = sorted(listing, key=lambda one: one.name)
            except FileNotFoundError as error:
                if folder == self._root:
                    note(folder, error)
                continue
            except OSError as error:
                note(folder, error)
                continue
            below = []
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    below.append(Path(entry.path))
                elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
                    yield Path(entry.path), entry.is_symlink()
            waiting += reversed(below)

    def _finding(self, path: Path, *, is_link: bool) -> SourceFinding | None:
        name, relative = shown(path), shown(path.relative_to(self._root))
        if not self._patterns.takes(relative):
            return None
        if is_link and (refusal := self._against_link(path)):
            return LeftOut(name, refusal)
        media_type = media_type_of(path.name)
        if media_type is None:
            return LeftOut(name, no_kind(name))
        if media_type.startswith(PICTURES) and not self._patterns.include:
            return LeftOut(name, PICTURE)
        uri = uri_of_resolved(path)
        try:
            status = path.stat()
        except FileNotFoundError:
            return None  # it went while the folder was walked
        except OSError as error:
            reason = error.strerror or type(error).__name__
            return LeftOut(name, f"it can't be looked at: {reason}", "failed", uri)
        if status.st_size > self._bytes_max:
            return LeftOut(name, too_large(status.st_size, self._bytes_max), "failed", uri)
        return FoundDocument(uri, lambda: self._read(path, media_type), _marker(status))

    def _against_link(self, path: Path) -> str:
        try:
            target = path.resolve(strict=True)
        except (OSError, RuntimeError):
            return "the link leads nowhere"
        if target.is_dir():
            return "a link to a folder is not followed: name that folder as a source of its own"
        if not target.is_relative_to(self._root):
            return "the link leads out of the folder"
        return ""

    def _read(self, path: Path, media_type: str) -> ReadVersion:
        try:
            # a pipe that took a file's place must not hold the run up
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                # what is written meanwhile gets another time, and is read again the next time
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise UnreadDocument("it is no file any more")
                self._check_still_within(path, status)
                content = file.read(self._bytes_max + 1)
        except (FileNotFoundError, NotADirectoryError):
            raise GoneMeanwhile from None
        except OSError as error:
            raise UnreadDocument(error.strerror or "it can't be read") from None
        if len(content) > self._bytes_max:
            raise UnreadDocument(too_large(len(content), self._bytes_max))
        return ReadVersion(content, media_type, marker=_marker(status))

    def _check_still_within(self, path: Path, opened: os.stat_result) -> None:
        """Check that what was opened lies in the folder: it was listed a while ago.

        Raises UnreadDocument where a link took its place, or that of a folder above it.
        """
        target = path.resolve(strict=True)
        if not target.is_relative_to(self._root):
            raise UnreadDocument("a link that leads out of the folder took its place")
        if not os.path.samestat(target.lstat(), opened):
            raise UnreadDocument("it was replaced while it was read: it is read the next time")


def too_large(size_bytes: int, bytes_max: int) -> str:
    """Say that a document is too large."""
    return (
        f"it has {size_bytes} bytes, the limit is {bytes_max}: split it, or raise "
        "PLAYHEAD_DOCUMENT_BYTES_MAX"
    )


def _marker(status: os.stat_result) -> str:
    """Spell the version of a file.

    `cp -p`, tar and rsync give a file the time of another; when it was put there, nobody can set.
    """
    return f"{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_size}"
