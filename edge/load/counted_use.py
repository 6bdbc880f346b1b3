"""Counted use: what each tenant and each key used in the last minute, counted from the log.

Every gateway reads every request and every answer anyway, so each knows what the others took in
without being told by them, or by a store beside the log. What a gateway has just taken in itself it
counts at once, until its reader comes to the record.

Why it is so:

* Kept are sums by tenant and key (`sliding_window`), not requests. They lie in the index of the
  log, in one transaction with up to where it was read: a gateway that starts knows the last minute.
* A record counts once, however often it is read: each lane has a mark, the last record that
  counted. What waited for its schema while later ones of its lane counted is passed over.
* What is embedded for clients is no question and tells its tokens once it is done: it counts as one
  request and as these, at once where it was taken in, elsewhere once its record is read.
* Answers tell tokens and no key; whose key it was, the question's record says. An answer that is
  read before its question waits for that.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from edge.listening.entries import Entry
from edge.listening.log_index import LogIndex
from edge.load.sliding_window import SLOT_MS, WINDOW_MS, SlidingWindow
from edge.requests.identity import Whose
from edge.requests.limits import ID_MAX
from schemas import AnswerReleased, DocumentSubmitted, QuestionAsked, TextsEmbedded
from schemas.prepared_types import prepared

UsedMeasure = Literal["questions", "tokens", "documents"]
Who = tuple[str, str]
"""A tenant and one of its keys; all of the tenant where the key is empty."""
SlotsByMeasure = dict[UsedMeasure, dict[int, int]]
prepared(SlotsByMeasure)

KEYS_MAX = 4_096
"""Of one tenant that are counted by themselves in one minute: a producer may name any number."""
EARLY_ANSWERS_KEPT = 1_024
"""Answers whose questions were not read yet: topics are read side by side."""
OVER_MS = WINDOW_MS + SLOT_MS


class _OnItsWay(NamedTuple):
    tenant: str
    key: str
    amounts: dict[UsedMeasure, int]
    until_s: float


class _LaneMark(NamedTuple):
    offset: int
    time_ms: int


def wall_ms() -> int:
    """Return the time by the clock on the wall, as records bear it."""
    return time.time_ns() // 1_000_000


class CountedUse:
    """Counts; lives on the event loop, but for what the index's writer calls."""

    def __init__(
        self,
        index: LogIndex,
        key_of: Callable[[Whose], str | None],
        now_ms: Callable[[], int] = wall_ms,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`key_of` tells the key of a question that was read; None where it was not."""
        self._key_of = key_of
        self._now_ms = now_ms
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: OrderedDict[Who, dict[UsedMeasure, SlidingWindow]] = OrderedDict()
        """The one that was added to last is last; those in which nothing is left go."""
        self._keys_of: Counter[str] = Counter()
        """How many keys of each tenant are among them."""
        self._pending: OrderedDict[Whose, _OnItsWay] = OrderedDict()
        """What this process took in, until its reader comes to it, or a window is over."""
        self._pending_of: Counter[tuple[Who, UsedMeasure]] = Counter()
        self._early: OrderedDict[Whose, tuple[int, int]] = OrderedDict()
        """Answer that came before its question -> its tokens, and when."""
        self._marks: dict[tuple[str, int], _LaneMark] = {}
        self._changed: set[Who] = set()
        self._changed_marks: set[tuple[str, int]] = set()
        self._writing: tuple[set[Who], set[tuple[str, int]]] = set(), set()
        for tenant, key, slots in index.rows(USED):
            self._windows[tenant, key] = _windows_in(index, slots)
            self._keys_of[tenant] += key != ""
        for kind, lane, offset, time_ms in index.rows(MARKED):
            self._marks[kind, lane] = _LaneMark(offset, time_ms)
        index.keep(self)

    def __len__(self) -> int:
        """Count the tenants and keys of which anything is kept."""
        return len(self._windows)

    # ------------------------------------------------------------------ how much

    def used(self, who: Who, measure: UsedMeasure) -> int:
        """Return how much was used in the last minute, what is on its way to the log included."""
        self._forget_the_late()
        window = self._windows.get(who, {}).get(measure)
        read = 0 if window is None else window.used(self._now_ms())
        return read + self._pending_of[who, measure]

    def room_in_s(self, who: Who, measure: UsedMeasure, most: int) -> float:
        """Return in how many seconds no more than so much will have been used; 0 for now."""
        pending = self._pending_of[who, measure]
        window = self._windows.get(who, {}).get(measure)
        if window is None or pending > most:
            return 0.0 if pending <= most else WINDOW_MS / 1_000
        return window.room_in_s(most - pending, self._now_ms())

    # ------------------------------------------------------------------ what was taken in here

    def begin(self, whose: Whose, key: str, measure: UsedMeasure) -> bool:
        """Count a request that is about to be put on the log; False where it counts already."""
        if whose in self._pending:
            return False
        until_s = self._clock() + OVER_MS / 1_000
        self._pending[whose] = _OnItsWay(whose[0], key, {}, until_s)
        self.spend(whose, measure, 1)
        return True

    def spend(self, whose: Whose, measure: UsedMeasure, amount: int) -> None:
        """Count more of a request that is about to be put on the log."""
        pending = self._pending.get(whose)
        if pending is None or amount <= 0:
            return
        pending.amounts[measure] = pending.amounts.get(measure, 0) + amount
        for who in _all_of(pending.tenant, pending.key):
            self._pending_of[who, measure] += amount

    def end(self, whose: Whose) -> None:
        """Count a request no longer that did not get there, or that is read by now."""
        pending = self._pending.pop(whose, None)
        if pending is None:
            return
        for who in _all_of(pending.tenant, pending.key):
            for measure, amount in pending.amounts.items():
                self._pending_of[who, measure] -= amount
                if not self._pending_of[who, measure]:
                    del self._pending_of[who, measure]

    def _forget_the_late(self) -> None:
        """Let go of what was never read: whoever handed it over left, and it did not get there."""
        while self._pending:
            whose, pending = next(iter(self._pending.items()))
            if pending.until_s > self._clock():
                return
            self.end(whose)

    # ------------------------------------------------------------------ what the log tells

    def take(self, entry: Entry) -> None:
        """Count an entry of the log; those of other kinds say nothing here."""
        event = entry.event
        match event:
            case QuestionAsked():
                self.end(entry.whose)
                self._count(entry, {"questions": 1}, event.key)
                tokens, at_ms = self._early.pop(entry.whose, (0, 0))
                if tokens and _known(event.key):
                    self._add((event.meta.tenant, event.key), "tokens", tokens, at_ms)
            case DocumentSubmitted():
                self.end(entry.whose)
                self._count(entry, {"documents": 1}, event.key)
            case TextsEmbedded():
                self.end(entry.whose)
                self._count(entry, {"questions": 1, "tokens": event.tokens}, event.key)
            case AnswerReleased():
                usage = event.answer.usage
                tokens = usage.prompt_tokens + usage.completion_tokens
                if tokens > 0 and not self._is_over(entry):
                    self._count(entry, {"tokens": tokens}, self._asker_of(entry, tokens))
            case _:
                return

    def _asker_of(self, entry: Entry, tokens: int) -> str:
        key = self._key_of(entry.whose)
        if key is None and not self._counted_before(entry):
            self._early[entry.whose] = tokens, entry.time_ms
            if len(self._early) > EARLY_ANSWERS_KEPT:
                self._early.popitem(last=False)
        return key or ""

    def _count(self, entry: Entry, amounts: Mapping[UsedMeasure, int], key: str) -> None:
        if self._is_over(entry) or self._counted_before(entry):
            return
        place = type(entry.event).__name__, entry.partition
        with self._lock:
            newest_ms = max(entry.time_ms, self._marks.get(place, _LaneMark(-1, 0)).time_ms)
            self._marks[place] = _LaneMark(entry.offset, newest_ms)
            self._changed_marks.add(place)
        for who in _all_of(entry.event.meta.tenant, key):
            for measure, amount in amounts.items():
                self._add(who, measure, amount, entry.time_ms)

    def _is_over(self, entry: Entry) -> bool:
        return self._now_ms() - entry.time_ms > OVER_MS

    def _counted_before(self, entry: Entry) -> bool:
        """Tell whether a record is read once more; those of a lane that was made anew are newer."""
        mark = self._marks.get((type(entry.event).__name__, entry.partition))
        return mark is not None and entry.offset <= mark.offset and entry.time_ms <= mark.time_ms

    def _add(self, who: Who, measure: UsedMeasure, amount: int, at_ms: int) -> None:
        now_ms = self._now_ms()
        tenant, key = who
        with self._lock:
            if who not in self._windows and key:
                if self._keys_of[tenant] >= KEYS_MAX:
                    return
                self._keys_of[tenant] += 1
            windows = self._windows.setdefault(who, {})
            windows.setdefault(measure, SlidingWindow()).add(amount, at_ms, now_ms)
            self._windows.move_to_end(who)
            self._changed.add(who)
            for _ in range(2):  # one more than came, so that what is over goes
                self._let_go(now_ms)

    def _let_go(self, now_ms: int) -> None:
        """Let go of whoever has used nothing for the longest time, where nothing is left of it."""
        oldest = next(iter(self._windows), None)
        if oldest is None or any(one.used(now_ms) for one in self._windows[oldest].values()):
            return
        del self._windows[oldest]
        self._changed.add(oldest)
        tenant, key = oldest
        self._keys_of[tenant] -= key != ""
        if not self._keys_of[tenant]:
            del self._keys_of[tenant]

    # ------------------------------------------------------------------ what the index writes

    @property
    def unwritten(self) -> int:
        """How many rows wait to be written."""
        writing = len(self._writing[0]) + len(self._writing[1])
        return len(self._changed) + len(self._changed_marks) + writing

    def to_write(self) -> list[tuple[str, list[tuple[Any, ...]]]]:
        """Return the rows of what changed since the last call."""
        with self._lock:
            self._writing = self._changed, self._changed_marks
            self._changed, self._changed_marks = set(), set()
            kept = self._writing[0] & self._windows.keys()
            rows = [(*who, _row_of(self._windows[who])) for who in kept]
            gone = [*(self._writing[0] - kept)]
            marks = [(*place, *self._marks[place]) for place in self._writing[1]]
        return [(SET_USED, rows), (DROP_USED, gone), (SET_MARK, marks)]

    def written(self) -> None:
        """Let go of what is in the file now."""
        with self._lock:
            self._writing = set(), set()

    def not_written(self) -> None:
        """Keep what could not be written."""
        with self._lock:
            self._changed |= self._writing[0]
            self._changed_marks |= self._writing[1]
            self._writing = set(), set()

    def forget(self) -> None:
        """Forget what the log told, for it is read again."""
        with self._lock:
            self._windows, self._marks = OrderedDict(), {}
            self._keys_of.clear()
            self._early.clear()
            self._changed, self._changed_marks = set(), set()
            self._writing = set(), set()


def _all_of(tenant: str, key: str) -> list[Who]:
    """Return for whom something counts: a tenant, and the key, where it is one."""
    return [(tenant, ""), (tenant, key)] if _known(key) else [(tenant, "")]


def _known(key: str) -> bool:
    """Tell whether a record names a key; a producer may write anything there."""
    return 0 < len(key) <= ID_MAX


USED = "SELECT tenant, key, slots FROM used ORDER BY rowid"
SET_USED = "INSERT OR REPLACE INTO used VALUES (?, ?, ?)"
DROP_USED = "DELETE FROM used WHERE tenant = ? AND key = ?"
MARKED = "SELECT kind, lane, offset, time_ms FROM marks"
SET_MARK = "INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?)"


def _row_of(windows: dict[UsedMeasure, SlidingWindow]) -> bytes:
    return msgspec.msgpack.encode({measure: one.slots for measure, one in windows.items()})


def _windows_in(index: LogIndex, row: bytes) -> dict[UsedMeasure, SlidingWindow]:
    """Read a row; one that can't be read is counted from the log again."""
    try:
        slots = msgspec.msgpack.decode(row, type=SlotsByMeasure)
    except msgspec.DecodeError as error:
        index.spoil(f"a row of what was used: {error}")
        return {}
    return {measure: SlidingWindow(used) for measure, used in slots.items()}
