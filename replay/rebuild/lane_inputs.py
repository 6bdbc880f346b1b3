"""The inputs of *index* on one lane, as the live step took them: in order, each that it ran, once.

Which ones it ran is told by their outcomes, since an input may have been a duplicate or a dead
letter. One without an outcome, not yet acknowledged, is pending: it may be waited for, or taken,
which writes what the live step will write once more.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from replay.log import BrokerLog, Log, Stored
from schemas import ChunksEmbedded, ChunksIndexed
from streams.log.codec import Codec, Undecodable
from streams.running.admit import admit
from streams.running.run import Input
from streams.topics import topic_of
from streams.version import CODE

INPUTS, OUTCOMES = topic_of(ChunksEmbedded), topic_of(ChunksIndexed)
CODES_MAX = 255  # versions of the code on one lane that are told apart
IDS_MAX = 20_000  # of inputs, in which a pending one is looked up: more than any worker has ahead


@dataclass(frozen=True)
class IndexInput:
    """An input and the version of the code by whose rules it was, or will be, indexed."""

    given: Input
    code: str

    @property
    def event(self) -> ChunksEmbedded:
        """The chunks."""
        event = self.given.event
        assert isinstance(event, ChunksEmbedded)
        return event


class LaneInputs:
    """Reads a lane on and on; what it remembers is one byte a record.

    `next` is the offset that it goes on from: set it back to read again.
    """

    def __init__(self, codec: Codec, lane: int, begin: int = 0, tenant: str = "") -> None:
        """Begin at an offset; with a tenant, all inputs of others are passed over."""
        self.lane = lane
        self.next = begin
        self.unreadable = 0
        """Inputs that can't be read as what they should be, and have an outcome nevertheless."""
        self._codec = codec
        self._tenant = tenant
        self._outcomes_read = 0
        self._base = -1
        """The offset of the first byte of `_ran`."""
        self._ran = bytearray()
        """Of each input: 0 without an outcome, else the number of the code that ran it."""
        self._codes: list[str] = [""]
        self._ids: OrderedDict[str, None] = OrderedDict()

    def read(self, log: Log, *, pending: bool = False) -> Iterator[IndexInput]:
        """Yield the inputs at hand; with `pending`, those without an outcome too.

        Without, the first pending one ends it: those behind it come when it has its outcome.
        """
        self._learn(log)
        acknowledged = log.committed("index").get((INPUTS, self.lane), 0)
        for stored in records_from(log, INPUTS, self.lane, self.next):
            code = self._code_of(stored.offset)
            waiting = not code and stored.offset >= acknowledged
            if waiting and not pending:
                return
            if (code or waiting) and (given := self._admitted(stored, waiting=waiting)) is not None:
                yield IndexInput(given, code or CODE)
            self.next = stored.offset + 1  # taken by now: whoever stopped in between takes it again

    def first_pending(self, log: Log) -> int:
        """Return the offset of the first input that has no outcome yet; that of the end for none.

        What the live step writes from now on is of inputs from there on.
        """
        self._learn(log)
        acknowledged = log.committed("index").get((INPUTS, self.lane), 0)
        extent = log.extents().get((INPUTS, self.lane))
        end = extent.end if extent else 0
        return next((at for at in range(acknowledged, end) if not self._code_of(at)), end)

    def _learn(self, log: Log) -> None:
        """Note of each new outcome which input it is of."""
        for stored in records_from(log, OUTCOMES, self.lane, self._outcomes_read):
            self._outcomes_read = stored.offset + 1
            try:
                meta = self._codec.decode(stored.value, ChunksIndexed).meta
            except Undecodable:
                continue
            cause = meta.cause
            if cause is None or (cause.topic, cause.partition) != (INPUTS, self.lane):
                continue
            self._note(cause.offset, meta.step.code, log.extents())

    def _note(self, offset: int, code: str, extents: Mapping[tuple[str, int], object]) -> None:
        if self._base < 0:
            self._base = _begin(extents, self.lane)
        at = offset - self._base
        if not 0 <= at < _end(extents, self.lane) - self._base:
            return  # no input lies there: a forged cause, or one that retention took
        if at >= len(self._ran):
            self._ran.extend(bytes(at + 1 - len(self._ran)))
        if code not in self._codes and len(self._codes) < CODES_MAX:
            self._codes.append(code)
        if not self._ran[at]:
            self._ran[at] = self._codes.index(code) if code in self._codes else 1

    def _code_of(self, offset: int) -> str:
        at = offset - self._base
        return self._codes[self._ran[at]] if 0 <= at < len(self._ran) else ""

    def _admitted(self, stored: Stored, *, waiting: bool) -> Input | None:
        """Decode an input by the same gate as live; None for one to pass over."""
        try:
            event = admit(self._codec, ChunksEmbedded, stored.value, stored.key, self.lane)
        except Undecodable:
            self.unreadable += 1
            return None
        known = event.meta.id in self._ids
        self._ids[event.meta.id] = None
        if len(self._ids) > IDS_MAX:
            self._ids.popitem(last=False)
        if (waiting and known) or (self._tenant and event.meta.tenant != self._tenant):
            return None
        return Input(event, stored.topic, self.lane, stored.offset)


def records_from(log: Log, topic: str, lane: int, begin: int) -> Iterator[Stored]:
    """Read a partition from an offset on, up to its extent's end."""
    extent = log.extents().get((topic, lane))
    if extent is None or begin >= extent.end:
        return
    if isinstance(log, BrokerLog):
        yield from log.read_extent(replace(extent, begin=max(begin, extent.begin)))
        return
    for stored in log.records(topic, lane):
        if stored.offset >= begin:
            yield stored


def _begin(extents: Mapping[tuple[str, int], object], lane: int) -> int:
    return int(getattr(extents.get((INPUTS, lane)), "begin", 0))


def _end(extents: Mapping[tuple[str, int], object], lane: int) -> int:
    return int(getattr(extents.get((INPUTS, lane)), "end", 0))
