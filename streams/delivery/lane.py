"""One lane of one input topic while it is assigned: what may run next, and what may be committed.

Many events of a lane run at once: tenants take turns (see `rota`), and those of one session run
one after another, whichever of a step's topics they came by. The offset that may be committed is
the end of the contiguous prefix of finished events: an event is finished when its outcome is closed
and the broker has acknowledged every record of it.

The next event of a session begins when the one before is finished, not when it has run: so what a
crash cuts off is the last that ran of its session, and nothing rests on what it left in a table
(docs/decisions/0038-the-last-that-ran.md).

Pure bookkeeping, so that it can be tested without a broker.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from streams.delivery.epochs import LateInputs
from streams.delivery.item import Item
from streams.delivery.progress import Ownership, Progress
from streams.delivery.rota import Rota

REACH = 1024
"""Offsets beyond the oldest unfinished one that may run: bounds what a restart reads back."""
NOTE_REACH = 4_096
"""Records of an output beyond what the newest note tells, that a takeover may have to read."""
LOW_WATER = 512
"""Records not looked at, at which more may be fetched."""

Place = tuple[str, int]
"""Topic and partition."""
DeliveredRecord = tuple[int, int, bytes, Any]
"""Offset, bytes, key, and the record as it was delivered."""
Busy = dict[str, "deque[Item] | None"]
"""Sessions of which an event runs, and what queues behind it: one for all topics of a lane."""


class Lane:
    """Events of one partition of an input topic, in the order of their offsets."""

    revoked = False
    """Whether it belongs to another worker by now."""
    learned = False
    """Whether it is known what was done before; until then nothing runs."""
    contested = False
    """Whether who had it until now may not have heard yet that it is ours; see `slot`."""
    paused = False
    """Whether no more is fetched."""
    displaced = False
    """Whether the log does not reach where it should go on: it is read no further."""
    silent = False
    """Whether the broker has records of it that are not read, and nobody knows why."""
    spare = False
    """Whether a worker was started that has not taken an event yet."""
    takes_notes = True
    """Whether the broker takes what is written beside a commit."""
    untouched = False
    """Whether nobody had committed anything of it when it came."""
    epoch = 0
    """Ours, once the group has taken it; see `epochs`."""
    crashed = 0
    """The epoch of the owner before us, who may have outcomes on their way; 0 for the first
    one, and where nothing is on its way."""
    given_up = False
    """Whether it was given up with nothing of it on its way."""
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
        self.late = LateInputs()
        """Which of its inputs a later owner of the lane before has superseded."""
        self.topic_id = ""
        """What the broker called its topic when it came; see `log_identity`."""
        self._fingerprint: Callable[[Any], str] | None = None
        self._passed: Item | None = None
        """The newest input before `safe`, as long as its fingerprint was not asked for."""
        self._last: tuple[int, str] | None = None
        self._inherited = Progress(base)
        self._after: Callable[[], Mapping[str, int]] = dict
        self._finished_s = 0.0
        self._expected = base
        self._order: deque[Item] = deque()
        """Inputs from the oldest unfinished one on, in the order of their offsets."""
        self._rota = Rota(window)
        self._busy: Busy = {} if busy is None else busy

    def __len__(self) -> int:
        """Events taken and not finished."""
        return len(self._order)

    @property
    def running(self) -> int:
        """Events that run."""
        return self._rota.running

    @property
    def waiting(self) -> int:
        """Records taken and not looked at."""
        return self._rota.waiting

    @property
    def expected(self) -> int:
        """The offset after the newest record taken."""
        return self._expected

    @property
    def oldest(self) -> Any:
        """The oldest record that is not finished, or None; metrics ask from another thread."""
        try:
            return self._order[0].message
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

    @property
    def has_unwritten(self) -> bool:
        """Whether an event has run of whose outcome the broker has not acknowledged all."""
        return any(item.unacknowledged for item in self._order)

    # ------------------------------------------------------------------ what is done

    def inherit(self, done: Progress, after: Callable[[], Mapping[str, int]]) -> None:
        """Take in what others did of it; `after` tells up to where our outcomes are told by it.

        From then on `progress` speaks for them too.
        """
        self._inherited = done
        self._after = after

    def of_log(
        self, topic_id: str, last: tuple[int, str] | None, fingerprint: Callable[[Any], str]
    ) -> None:
        """Have `progress` name the log that it speaks of; `last` was finished before it came."""
        self.topic_id, self._last, self._fingerprint = topic_id, last, fingerprint

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
        reach = self._reach
        for item in self._order:
            if item.offset >= reach:
                break
            if item.finished:
                closed.add(item.offset)
            elif item.attempt:
                closed.discard(item.offset)  # of another record, which the log has lost
                attempts[item.offset] = item.attempt
        return Progress(
            committed=safe,
            closed=frozenset(closed),
            open={offset: n for offset, n in attempts.items() if offset not in closed},
            after=self._after(),
            topic=self.topic_id,
            last=self._newest_passed(),
            ownership=Ownership(self.epoch, self.given_up),
        )

    def _newest_passed(self) -> tuple[int, str] | None:
        passed, self._passed = self._passed, None
        if passed is not None and self._fingerprint is not None:
            self._last = (passed.offset, self._fingerprint(passed.message))
        return self._last

    # ------------------------------------------------------------------ what may run

    def reserve(self, records: Iterable[DeliveredRecord]) -> int:
        """Count records that are on their way; return their bytes."""
        size = sum(size for _, size, _, _ in records)
        self.bytes += size
        return size

    def take(self, records: Iterable[DeliveredRecord]) -> None:
        """Enter records that were reserved, in ascending order.

        Offsets may be missing: compaction and the markers of transactions leave gaps.
        """
        enter = self._rota.enter
        for offset, size, tenant, message in records:
            if offset >= self._expected:
                self._expected = offset + 1
                item = Item(self, offset, size, tenant, message)
                self._order.append(item)
                enter(item)
            else:  # delivered before
                self.bytes -= size
                self.on_freed(size)

    def next(self, open_: Callable[[Item], bool]) -> Item | None:
        """Return an event that may run now, or None.

        `open_` fills in an item's session and work: only when it is about to run or must queue
        behind its session, so that a backlog is held as bytes. It returns False for a record that
        it can't read yet: that stays outside, and its tenant's wait for it, until it is told to
        `offer` it again or to `let_pass` what waits behind it.
        """
        rota = self._rota
        while self._order and (item := rota.next(self._reach)) is not None:
            if item.work is not None:  # it has waited for its session
                rota.begin(item)
                return item
            if rota.waiting == LOW_WATER:
                self.on_drained()
            if not open_(item):
                rota.hold(item)
            elif item.session not in self._busy:
                self._busy[item.session] = None
                rota.begin(item)
                return item
            elif (queue := self._busy[item.session]) is None:
                self._busy[item.session] = deque((item,))
            else:
                queue.append(item)
        return None

    @property
    def has_work(self) -> bool:
        """Whether another event may be able to run now."""
        return bool(self._order) and self._rota.has_next(self._reach)

    def offer(self, item: Item) -> None:
        """Offer a record again that could not be read."""
        self._rota.put_back(item)
        self.on_progress(self)

    def let_pass(self, item: Item) -> None:
        """Let its tenant's other events run before a record that can't be read yet."""
        self._rota.let_pass(item)
        self.on_progress(self)

    def left(self, item: Item) -> None:
        """Say that an event has run: the next of its session may, once it is finished."""
        self._rota.end(item)
        item.has_run = True
        if item.finished and (following := self._following(item)) not in {None, self}:
            following.on_progress(following)

    def _following(self, item: Item) -> Lane | None:
        """Let the next event of a session be ready; return its lane, None where there is none."""
        queue = self._busy[item.session]
        if not queue:
            del self._busy[item.session]
            return None
        following = queue.popleft()
        lane = following.lane
        lane._rota.ready(following)  # noqa: SLF001 - of this class
        return lane

    def finish(self, item: Item) -> None:
        """Mark an event as finished: the next of its session may run, once it has."""
        item.finished = True
        self.changes += 1
        order = self._order
        freed = 0
        if self.safe == self.requested:
            self._finished_s = time.monotonic()
        while order and order[0].finished:
            head = self._passed = order.popleft()
            self.safe = head.offset + 1
            freed += head.size
        following = self._following(item) if item.has_run else None
        if following is not None:
            following.on_progress(following)
        if freed:
            self.bytes -= freed
            self.on_freed(freed)
            if self.waiting and following is not self:
                self.on_progress(self)

    @property
    def _reach(self) -> int:
        """The offset before which events may run."""
        return self._order[0].offset + REACH if self._order else self._expected
