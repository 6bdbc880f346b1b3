"""Which log a verb reads: an archive that is named, in a folder or a bucket, else the broker's."""

from __future__ import annotations

from pathlib import Path

from replay.archive import SEAL, ArchiveFiles, ArchiveLog, FolderFiles
from replay.archive_in_bucket import bucket_files
from replay.archive_places import ArchivePlace
from replay.joined_log import JoinedLog
from replay.log import BrokerLog, Log, Snapshot
from streams.settings import Settings


def open_log(
    archive: ArchivePlace | None,
    settings: Settings,
    snapshot: Snapshot | None = None,
    *,
    and_log: bool = False,
) -> Log:
    """Open an archive, or the broker's log, at a moment of it, where none is named.

    With `and_log` both: the log from where the archive ends. Raises as each of them does.
    """
    if archive is None:
        return BrokerLog(settings, snapshot)
    archived = open_archive(archive, settings)
    if not and_log:
        return archived
    log = BrokerLog(settings, snapshot)
    try:
        return JoinedLog(archived, log, log.cluster)
    except BaseException:
        log.close()
        raise


def open_archive(archive: ArchivePlace, settings: Settings) -> ArchiveLog:
    """Open an archive; raises BadArchive, and Transient for a bucket that can't be reached."""
    return ArchiveLog(files_of(archive, settings))


def files_of(archive: ArchivePlace, settings: Settings) -> ArchiveFiles:
    """Return the files of an archive, wherever it lies."""
    if isinstance(archive, Path):
        return FolderFiles(archive)
    return bucket_files(settings, archive)


def seal_path(archive: ArchivePlace, settings: Settings) -> Path:
    """Return the folder of an archive's seal: of one in a bucket a copy, for this process."""
    if isinstance(archive, Path):
        return archive / SEAL
    return bucket_files(settings, archive).seal_copied()
