"""Where a rebuild reads from: the broker's log, looked at again and again, or an archive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol

from replay.archive import ArchiveLog
from replay.archive_places import archive_place
from replay.log import BrokerLog, Log, Snapshot
from replay.opening_logs import open_archive
from replay.rebuild.lane_inputs import INPUTS, OUTCOMES
from replay.recorded_erasures import read_of
from streams.log.offsets import OffsetReader, patiently
from streams.settings import Settings
from streams.topics import group_of

LIMIT_S = 15.0  # for the offsets: milliseconds where the broker is well


class LogSource(Protocol):
    """A log that may grow."""

    async def look(self) -> Log:
        """Return it as it is now: what *index* reads and writes, and erasures; raises NoAnswer."""


class BrokerSource:
    """The broker's log, over connections that are kept: a swap holds writes while it looks."""

    def __init__(self, settings: Settings, offsets: OffsetReader, log: BrokerLog) -> None:
        self._offsets = offsets
        self._log = log
        self._group = group_of("index")
        self._partitions = [
            (topic, lane) for topic in (INPUTS, OUTCOMES) for lane in range(settings.partitions)
        ]
        # a stack that was made by an older release lacks some topics of erasures
        self._partitions += [one for one in read_of(settings.partitions) if one[0] in log.topics]

    async def look(self) -> Log:
        """Ask how far the step is, and then where its topics end."""
        inputs = [one for one in self._partitions if one[0] == INPUTS]
        told = await patiently(lambda: self._offsets.read({self._group: inputs}, self._partitions))
        committed = {at: max(offset, 0) for at, offset in told.committed[self._group].items()}
        self._log.snapshot = Snapshot({"index": committed}, told.extents)
        return self._log


class ArchiveSource:
    """An archive: it stays as it is."""

    def __init__(self, log: ArchiveLog) -> None:
        self._log = log

    async def look(self) -> Log:
        """Return it."""
        return self._log


@asynccontextmanager
async def source_of(settings: Settings, archive: str = "") -> AsyncIterator[LogSource]:
    """Open an archive, or the broker's log where none is named; raises as they do."""
    if archive:
        yield ArchiveSource(open_archive(archive_place(archive), settings))
        return
    async with AsyncExitStack() as stack:
        offsets = await stack.enter_async_context(OffsetReader(settings, LIMIT_S))
        log = BrokerLog(settings, like=Snapshot({"index": {}}, {}))
        stack.callback(log.close)
        yield BrokerSource(settings, offsets, log)
