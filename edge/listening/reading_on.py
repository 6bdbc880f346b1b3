"""Reading on: history and results by one strand of the log, or by two while much of it is unread.

A gateway that knows little of a long log would have to read all of it before it serves anybody. So
it reads the last minutes and what comes now first, the *front*, and *behind* it all history from
where the index has it, beside each other on one thread.

Why it is so:

* The index takes in what the strand behind reads, and nothing else, until both have met: each lane
  in its order, as a gateway that never left would have. So the first record with an id wins, and
  documents are folded as ever. What the front read is read again: minutes, of days.
* The front is for those that look no further back: whoever follows a request, and what counts the
  last minute. Nothing of it says what there is.
* They meet when the strand behind is where the front is, which stands still for that moment: what
  the front reads from then on is new to the index, or in it already, which changes nothing.
* Between two looks at the front lies one batch of history, some milliseconds of the loop's time; it
  waits for no disk either.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from edge.listening.entries import HISTORY, Dispatch, Entry
from edge.listening.index_writer import IndexWriter
from edge.listening.log_strand import LogStrand
from edge.requests.identity import Whose
from streams.log.offsets import Partition
from streams.topics import topic_of

POLL_S = 0.1
BESIDE_S = 0.01
"""How long one strand is waited for while there are two, where neither had anything."""
MEET_S = 0.25
"""How long the front is left unread at once, for the strand behind to come to where it is."""
USUAL_RATE = 5_000.0
"""Records a second, as a rule: what is guessed from before anything was measured."""

OnLoop = Callable[[Callable[[], None]], None]
"""Has the event loop do something, and waits until it is done."""

TOPICS_OF_HISTORY = frozenset(topic_of(kind) for kind in HISTORY)


class IndexSpoilt(Exception):
    """The index of the log can't be read any more: history is read again from the beginning."""


class ReadingOn:
    """One or two strands, turn by turn; for the thread that reads.

    What it tells of how far it is may be asked from any thread.
    """

    def __init__(
        self,
        front: LogStrand,
        dispatch: Dispatch,
        on_loop: OnLoop,
        *,
        stopping: threading.Event,
        writer: IndexWriter | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Have the front read everything, unless `begin_behind` is called."""
        self._front = front
        self._back: LogStrand | None = None
        self._dispatch = dispatch
        self._on_loop = on_loop
        self._stopping = stopping
        self._writer = writer
        self._clock = clock
        self._begins: dict[Partition, int] = {}
        self._ends: dict[Partition, int] = {}
        self._began_s = 0.0
        self._moved = True
        self._note(front)

    def begin_behind(
        self, back: LogStrand, begins: Mapping[Partition, int], ends: Mapping[Partition, int]
    ) -> None:
        """Have history read by a strand of its own: each lane from its begin on, to its end now."""
        self._back = back
        self._begins, self._ends = dict(begins), dict(ends)
        self._began_s = self._clock()
        self._front.note = lambda _: None
        self._note(back)

    def _note(self, strand: LogStrand) -> None:
        """Have the index know how far a strand is."""
        writer = self._writer
        if writer is None:
            return

        def note(message: Any) -> None:
            if message.topic() in TOPICS_OF_HISTORY:
                writer.read(message)

        strand.note = note

    # ------------------------------------------------------------------ how far it is

    @property
    def is_live(self) -> bool:
        """Whether what comes now is handed on as it comes, and the last minutes were."""
        return not self._front.behind

    @property
    def is_whole(self) -> bool:
        """Whether all history was taken in."""
        return self._back is None and self.is_live

    @property
    def left_s(self) -> float:
        """In how many seconds all history will have been taken in, as it goes; 0 once it is."""
        back = self._back
        if back is None:
            return 0.0
        # as if the usual had been read in a second before: the first batch tells no rate
        rate = (back.count + USUAL_RATE) / (self._clock() - self._began_s + 1.0)
        return self._unread(back) / rate

    @property
    def unread(self) -> int:
        """How many records of history were not read, where these are read by themselves."""
        return 0 if self._back is None else self._unread(self._back)

    def _unread(self, back: LogStrand) -> int:
        ends = {at: max(end, self._front.next.get(at, end)) for at, end in self._ends.items()}
        return sum(max(0, end - back.next.get(at, self._begins[at])) for at, end in ends.items())

    # ------------------------------------------------------------------ one turn

    def turn(self) -> None:
        """Read what there is, and hand it on.

        Raises IndexSpoilt, and what the client or the loop raises.
        """
        if self._back is None:
            self._read(self._front, self._dispatch.take, POLL_S)
            self._settle(self._front)
            if self._writer is not None:
                self._writer.make_room(until=self._stopping)
            self._read_again(self._front)
        else:
            self._turn_beside(self._back)

    def _turn_beside(self, back: LogStrand) -> None:
        moved = self._read(self._front, self._dispatch.take_front, 0 if self._moved else BESIDE_S)
        self._read_again(self._front)
        self._moved = self._read_behind(back, 0) or moved
        if self._meets(back):
            self._back = None
            back.close()
            self._note(self._front)

    def _read_behind(self, back: LogStrand, wait_s: float) -> bool:
        """Read a batch of history, unless the index has much to write; tells whether it did."""
        if self._writer is not None and self._writer.lacks_room():
            self._stopping.wait(wait_s)
            return False
        moved = self._read(back, self._dispatch.take_back, wait_s)
        self._settle(back)
        self._read_again(back)
        return moved

    def _meets(self, back: LogStrand) -> bool:
        """Tell whether the strand behind has taken in all that the front has read.

        It is given a moment for it once it came to the end of every lane.
        """
        until_s = self._clock() + MEET_S
        while self.is_live and not back.behind and not self._stopping.is_set():
            if all(back.is_taken_in_up_to(at, self._front.next[at]) for at in self._ends):
                return True
            if self._clock() >= until_s:
                break
            self._read_behind(back, BESIDE_S)
        return False

    # ------------------------------------------------------------------ parts of these

    def _read(self, strand: LogStrand, take: Callable[[list[Entry]], None], wait_s: float) -> bool:
        before = strand.count
        entries = strand.read(wait_s)
        lost = strand.live.lost_since()
        if strand is self._back:
            lost = set()  # whoever follows a request is told of it by the front
        if entries or lost:
            # wait for the loop: while history is read, it can't be drowned in entries
            self._on_loop(partial(_hand, self._dispatch, take, entries, lost))
        strand.handed_on()
        return strand.count > before

    def _settle(self, strand: LogStrand) -> None:
        if self._writer is not None:
            self._writer.settle(strand.live.is_taken_in)
            if self._writer.index.spoilt:
                raise IndexSpoilt

    def _read_again(self, strand: LogStrand) -> None:
        for at in strand.read_again():
            if self._writer is not None and strand is (self._back or self._front):
                self._writer.unread(at)

    def close(self) -> None:
        """Close the consumers."""
        self._front.close()
        if self._back is not None:
            self._back.close()


def _hand(
    dispatch: Dispatch,
    take: Callable[[list[Entry]], None],
    entries: list[Entry],
    lost: Iterable[Whose],
) -> None:
    for whose in lost:  # before what came after it
        dispatch.interrupt(whose)
    take(entries)
