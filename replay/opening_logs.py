"""Which log a verb reads: an archive that is named, else the broker's."""

from __future__ import annotations

from pathlib import Path

from replay.archive import ArchiveLog
from replay.log import BrokerLog, Log
from streams.settings import Settings


def open_log(archive: Path | None, settings: Settings) -> Log:
    """Open an archive, or the broker's log where none is named."""
    return ArchiveLog(archive) if archive else BrokerLog(settings)
