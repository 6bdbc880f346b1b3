"""Unwritten rows: what is known from the log and is not in the index's file yet.

A row is fresh, or being written, or in the file. The event loop adds and looks up; the index's
writer takes what is fresh, writes it, and lets go of it or gives it back.

Why it is so: a lookup takes both parts before it asks the file, the fresh one first. What goes from
one into the next meanwhile is then found in both, and never in none. Where two rows have one name,
one of them counts, and which one is the same wherever they lie: the first, as with requests, or the
newest, as with documents, which change.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, Generic, Literal, NamedTuple, TypeVar

NameT = TypeVar("NameT", bound=Hashable)
RowT = TypeVar("RowT")


class UnwrittenLook(NamedTuple, Generic[NameT, RowT]):
    """What was unwritten at a moment; the parts by which of them counts."""

    parts: tuple[dict[NameT, RowT], dict[NameT, RowT]]

    def find(self, name: NameT) -> RowT | None:
        """Return what counts of a name."""
        return next((part[name] for part in self.parts if name in part), None)

    def all(self) -> dict[NameT, RowT]:
        """Return what counts of each name."""
        counts, other = self.parts
        return {**other, **counts}


class UnwrittenRows(Generic[NameT, RowT]):
    """Rows by name until they are in the file; for the event loop and one writer."""

    def __init__(self, counts: Literal["first", "newest"]) -> None:
        """Begin with none; `counts` says which of two rows of one name does."""
        self._first = counts == "first"
        self.lock = threading.RLock()
        """Held by whoever changes a row that was put here: the writer reads them under it."""
        self._fresh: dict[NameT, RowT] = {}
        self._writing: dict[NameT, RowT] = {}

    def __len__(self) -> int:
        return len(self._fresh) + len(self._writing)

    def put(self, name: NameT, row: RowT) -> None:
        """Add a row, or change one; of the first that count, a later one is none."""
        with self.lock:
            if not self._first:
                self._fresh[name] = row
            elif name not in self._writing:
                self._fresh.setdefault(name, row)

    def look(self) -> UnwrittenLook[NameT, RowT]:
        """Return what is unwritten; whoever asks the file as well asks it after this."""
        fresh = self._fresh
        writing = self._writing
        return UnwrittenLook((writing, fresh) if self._first else (fresh, writing))

    # ------------------------------------------------------------------ what the writer calls

    def to_write(self, spelt: Callable[[NameT, RowT], tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Return the fresh rows, spelt for the file; they are being written from now on."""
        with self.lock:
            self._writing, self._fresh = self._fresh, {}
            return [spelt(name, row) for name, row in self._writing.items()]

    def written(self) -> int:
        """Let go of what is in the file now; tells how many."""
        with self.lock:
            count, self._writing = len(self._writing), {}
        return count

    def not_written(self) -> None:
        """Keep what could not be written for the next time."""
        with self.lock:
            self._fresh, self._writing = self.look().all(), {}

    def forget(self) -> None:
        """Forget all of it."""
        with self.lock:
            self._fresh, self._writing = {}, {}
