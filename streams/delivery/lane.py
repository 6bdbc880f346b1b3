"""One lane of one input topic while it is assigned: what may run next, and what may be committed.

Many events of a lane run at once; those of one session run one after another, whichever of a step's
topics they came by. The offset that may be committed is the end of the contiguous prefix of
finished events: an event is finished when its outcome is closed and the broker has acknowledged
every record of it.

Pure bookkeeping, so that it can be tested without a broker.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from streams.delivery.progress import Progress

REACH = 1024
"""Offsets beyond the oldest unfinished one that may run: bounds what a restart reads back."""
NOTE_REACH = 4_096
"""Records of an output beyond what the newest note tells, that a takeover may have to read."""
LOW_WATER = 512
"""Records not looked at, at which more may be fetched."""

Place = tuple[str, int]
"""Topic and partition."""
DeliveredRecord = tuple[int, int, Any]
"""Offset, bytes, and the record as it was delivered."""
Busy = dict[str, "deque[Item] | None"]
"""Sessions of which an event runs, and what queues behind it: one for all topics of a lane."""


class Item:
    """An event of a lane on its way through the runner."""

    __slots__ = (
        "attempt",
        "closed",
        "finished",
        "lane",
        "message",
        "offset",
        "session",
        "size",
        "unacknowledged",
        "work",
    )

    def __init__(
        self, lane: Lane, offset: int, size: int, session: str, message: Any, work: Any
    ) -> None:
        self.lane = lane
        self.offset = offset
        self.size = size
        """Bytes of its record."""
        self.session = session
        """What keeps its order: the event's session, or something of its own."""
        self.message = message
        """The record as it was delivered."""
        self.work = work
        """What is to be done with it; called with the item."""
        self.unacknowledged = 0
        """Records of its outcome that the broker has not acknowledged."""
        self.attempt = 0
        """The newest run of which an outcome was handed over; 0: none."""
        self.closed = False
        self.finished = False

    @property
    def place(self) -> str:
        """Where its record lies."""
        return f"{self.lane.topic}[{self.lane.partition}]@{self.offset}"

    def acknowledged(self) -> None:
        """Say that the broker has one more record of its outcome."""
        self.unacknowledged -= 1
        if self.closed and not self.unacknowledged:
            self.lane.finish(self)

    def failed(self, error: Exception) -> None:
        """Say that the broker refused a record of its outcome: the lane can't go on."""
        self.lane.on_failed(error)

    def close(self) -> None:
        """Say that no further record of its outcome follows."""
        self.closed = True
        if not self.unacknowledged:
            self.lane.finish(self)


class Lane:
    """Events of one partition of an input topic, in the order of their offsets."""

    revoked = False
    """Whether it belongs to another worker by now."""
    learned = False
    """Whether it is known what was done before; until then nothing runs."""
    stalled = False
    """Whether the next record waits for the registry."""
    paused = False
    """Whether no more is fetched."""
    spare = False
    """Whether a worker was started that has not taken an event yet."""
    takes_notes = True
    """Whether the broker takes what is written beside a commit."""
    changes = 0
    """Inputs that were finished, in whatever order."""
    committed_changes = 0
    """Those that a commit was asked for."""

    def __init__(
        self,
        topic: str,
        partition: int,
        base: int,
        window: int,
        busy: Busy | None = None,
        note: str = "",
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.base = base
        """Where this assignment began: all offsets before were committed."""
        self.note = note
        """What was written beside the newest commit; see `progress`."""
        self.noted_after: Mapping[str, int] = {}
        """Output topic -> offset, as this note of ours says it."""
        self.safe = base
        """The next offset that may be committed: all before it are finished."""
        self.requested = base
        """The newest offset that a commit was asked for."""
        self.end = base
        """Where the partition ends on the broker, as far as known."""
        self.running = 0
        self.bytes = 0
        """Bytes of the records taken and not finished."""
        self.on_freed: Callable[[int], object] = bool
        """Told how many bytes are freed."""
        self.on_drained: Callable[[], object] = bool
        """Told when the backlog has fallen to its low water mark."""
        self.on_progress: Callable[[Lane], object] = bool
        """Told when more may be within reach."""
        self.on_failed: Callable[[Exception], object] = bool
        """Told when an outcome can't be written."""
        self._inherited = Progress(base)
        self._after: Callable[[], Mapping[str, int]] = dict
        self._window = window
        self._finished_s = 0.0
        self._expected = base
        self._waiting: deque[DeliveredRecord] = deque()
        self._order: deque[Item] = deque()
        self._busy: Busy = {} if busy is None else busy
        self._ready: deque[Item] = deque()

    def __len__(self) -> int:
        """Events taken and not finished."""
        return len(self._waiting) + len(self._order)

    @property
    def waiting(self) -> int:
        """Records taken and not looked at."""
        return len(self._waiting)

    @property
    def oldest(self) -> Any:
        """The oldest record that is not finished, or None; metrics ask from another thread."""
        try:
            return self._order[0].message if self._order else self._waiting[0][2]
        except IndexError:
            return None

    @property
    def lag(self) -> int:
        """Records that are not finished, those not yet fetched included."""
        return max(len(self), self.end - self.safe)

    @property
    def uncommitted_s(self) -> float:
        """Seconds for which something has been finished without a commit being asked for."""
        return time.monotonic() - self._finished_s if self.safe > self.requested else 0.0

    # ------------------------------------------------------------------ what is done

    def inherit(self, done: Progress, after: Callable[[], Mapping[str, int]]) -> None:
        """Take in what others did of it; `after` tells up to where our outcomes are told by it.

        From then on `progress` speaks for them too.
        """
        self._inherited = done
        self._after = after

    @property
    def changed(self) -> bool:
        """Whether there is something new to commit."""
        return self.changes > self.committed_changes

    @property
    def note_is_old(self) -> bool:
        """Whether a takeover would read far, or all: maybe only others' lanes wrote since."""
        return self.takes_notes and any(
            (noted := self.noted_after.get(topic)) is None or end - noted > NOTE_REACH
            for topic, end in self._after().items()
        )

    def progress(self) -> Progress:
        """Return what is done of it now; on the event loop, where acknowledgements arrive."""
        safe, inherited = self.safe, self._inherited
        closed = {offset for offset in inherited.closed if offset >= safe}
        attempts = {offset: n for offset, n in inherited.open.items() if offset >= safe}
        if safe > inherited.committed:  # what the lane has passed need not be looked at again
            self._inherited = Progress(safe, frozenset(closed), dict(attempts))
        for item in self._order:
            if item.finished:
                closed.add(item.offset)
            elif item.attempt:
                attempts[item.offset] = item.attempt
        return Progress(
            committed=safe,
            closed=frozenset(closed),
            open={offset: n for offset, n in attempts.items() if offset not in closed},
            after=self._after(),
        )

    # ------------------------------------------------------------------ what may run

    def reserve(self, records: Iterable[DeliveredRecord]) -> int:
        """Count records that are on their way; return their bytes."""
        size = sum(size for _, size, _ in records)
        self.bytes += size
        return size

    def take(self, records: Iterable[DeliveredRecord]) -> None:
        """Enter records that were reserved, in ascending order.

        Offsets may be missing: compaction and the markers of transactions leave gaps.
        """
        for record in records:
            offset, size, _ = record
            if offset >= self._expected:
                self._expected = offset + 1
                self._waiting.append(record)
            else:  # delivered before
                self.bytes -= size
                self.on_freed(size)

    def next(self, opened: Callable[[Lane, int, int, Any], Item | None]) -> Item | None:
        """Return an event that may run now, or None.

        `opened` makes an item of a record: only when it is about to run or must queue behind its
        session, so that a backlog is held as bytes. It returns None for a record that it can't read
        yet; it is offered again.
        """
        if self.running >= self._window:
            return None
        if self._ready:
            self.running += 1
            return self._ready.popleft()
        while self._waiting and self._within_reach(self._waiting[0][0]):
            item = opened(self, *self._waiting[0])
            if item is None:
                return None
            self._waiting.popleft()
            if len(self._waiting) == LOW_WATER:
                self.on_drained()
            self._order.append(item)
            session = item.session
            if session in self._busy:
                queue = self._busy[session]
                if queue is None:
                    self._busy[session] = deque((item,))
                else:
                    queue.append(item)
            else:
                self._busy[session] = None
                self.running += 1
                return item
        return None

    @property
    def has_work(self) -> bool:
        """Whether another event may be able to run now."""
        if self.running >= self._window:
            return False
        return bool(self._ready) or bool(
            self._waiting and not self.stalled and self._within_reach(self._waiting[0][0])
        )

    def left(self, item: Item) -> None:
        """Say that an event has run: the next of its session may."""
        self.running -= 1
        queue = self._busy[item.session]
        if not queue:
            del self._busy[item.session]
            return
        following = queue.popleft()
        lane = following.lane
        lane._ready.append(following)  # noqa: SLF001 - of this class
        if lane is not self:
            lane.on_progress(lane)

    def finish(self, item: Item) -> None:
        """Mark an event as finished."""
        item.finished = True
        self.changes += 1
        order = self._order
        freed = 0
        if self.safe == self.requested:
            self._finished_s = time.monotonic()
        while order and order[0].finished:
            head = order.popleft()
            self.safe = head.offset + 1
            freed += head.size
        if freed:
            self.bytes -= freed
            self.on_freed(freed)
            if self._waiting:
                self.on_progress(self)

    def _within_reach(self, offset: int) -> bool:
        return not self._order or offset < self._order[0].offset + REACH
