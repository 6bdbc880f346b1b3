"""Writing the index of the log, on a thread of its own: neither readers nor the loop wait for it.

A lane counts as taken in up to a record once the loop has been handed all before and with it, and
none of it waits for its schema. Places are noted before what changed is collected, so that what is
written may lie beyond them, and is then taken in once more, but never behind.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from edge.listening.log_index import LanePlace, LogIndex
from streams.delivery.log_identity import Committed, fingerprint, other_logs
from streams.delivery.progress import Progress
from streams.log.offsets import Partition
from streams.watching.logs import logger

log = logger("gateway")

EVERY_S = 1.0  # between writes; what a crash takes back is read again
ROWS_MAX = 16_384
"""In memory before they are written at once: some 16 MB, while history is read."""
POLL_S = 0.05
DISK_AGAIN_S = 5.0  # after a write that the disk refused


class IndexWriter:
    """Notes what the reader has read, and writes it.

    `settle`, `read`, `lacks_room` and `make_room` are for the reader's thread alone.
    """

    def __init__(self, index: LogIndex, *, every_s: float = EVERY_S) -> None:
        self.index = index
        self._every_s = every_s
        self._ids: Mapping[str, str] = {}
        self._read: dict[Partition, Any] = {}
        """Lane -> the last record that was read of it, while it is not settled."""
        self._settled: dict[Partition, LanePlace] = {}
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._refused = False
        self._thread = threading.Thread(target=self._write_on, name="index-writer", daemon=True)

    def known_places(self, consumer: Any, ids: Mapping[str, str]) -> dict[Partition, int] | None:
        """Return up to where each lane is known; None where that is of another log, or unknown.

        Raises KafkaException or TimeoutError where the broker does not answer.
        """
        self._ids, self._read = ids, {}
        with self._lock:
            self._settled = {}
        places = self.index.places()
        if self.index.spoilt:
            return None
        told = [
            Committed(*lane, Progress(at.next, topic=at.topic_id, last=at.last))
            for lane, at in places.items()
        ]
        others = other_logs(consumer, told, ids)
        gone = {topic for topic, _ in places} - set(ids)
        for (topic, lane), reason in others.items():
            log.warning("the index is of another log", topic=topic, lane=lane, reason=reason)
        if others or gone:
            return None
        self._begin()
        return {lane: at.next for lane, at in places.items()}

    def begin_anew(self) -> None:
        """Forget what is known: all history is read again. For the loop's thread alone."""
        log.info("all history is read")
        self.index.begin_anew()
        self._begin()

    def _begin(self) -> None:
        if not self._thread.is_alive() and not self._stopping.is_set():
            self._thread.start()

    # ------------------------------------------------------------------ what was read

    def read(self, message: Any) -> None:
        """Note a record of history that was read, whatever it is."""
        self._read[message.topic(), message.partition()] = message

    def unread(self, lane: Partition) -> None:
        """Note that a lane is read again, from behind what is settled of it."""
        self._read.pop(lane, None)

    def settle(self, is_taken_in: Callable[[Partition, int], bool]) -> None:
        """Note what has been taken in, of all that was read; the loop has been handed it."""
        settled = {
            lane: self._place_behind(message)
            for lane, message in self._read.items()
            if is_taken_in(lane, message.offset() + 1)
        }
        for lane in settled:
            del self._read[lane]
        with self._lock:
            self._settled |= settled

    def _place_behind(self, message: Any) -> LanePlace:
        at = message.offset()
        return LanePlace(at + 1, self._ids[message.topic()], (at, fingerprint(message)))

    def make_room(self, until: threading.Event) -> None:
        """Wait while too much is to be written, unless the disk refuses: then memory holds it."""
        while self.lacks_room():
            if until.wait(POLL_S):
                return

    def lacks_room(self) -> bool:
        """Tell whether too much is to be written, and have it be written then."""
        if self.index.unwritten <= ROWS_MAX or self._refused or self.index.spoilt:
            return False
        self._wanted.set()
        return True

    # ------------------------------------------------------------------ writing, on its own thread

    def _write_on(self) -> None:
        while not self._stopping.is_set():
            self._wanted.wait(self._every_s)
            self._wanted.clear()
            if not self._write():
                self._stopping.wait(DISK_AGAIN_S)

    def _write(self) -> bool:
        with self._lock:
            settled, self._settled = self._settled, {}
        if not settled and not self.index.unwritten:
            return True
        written = self.index.flush(settled)
        if not written:
            with self._lock:
                self._settled = {**settled, **self._settled}
        self._refused = not written
        return written

    def stop(self) -> None:
        """Write what is left, and end."""
        self._stopping.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()
            self._write()
