"""What workers said in their logs from a moment on."""

from collections.abc import Sequence
from typing import Self

from tests.chaos.slots import Slot


class Said:
    """Counts the lines of workers that hold a phrase, from entry on."""

    def __init__(self, slots: Sequence[Slot], phrase: str) -> None:
        self._slots = slots
        self._phrase = phrase.encode()
        self._from: list[int] = []

    def __enter__(self) -> Self:
        self._from = [slot.log.stat().st_size if slot.log.exists() else 0 for slot in self._slots]
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind."""

    @property
    def count(self) -> int:
        """How many lines so far."""
        return sum(self._lines(slot, at) for slot, at in zip(self._slots, self._from, strict=True))

    def _lines(self, slot: Slot, at: int) -> int:
        if not slot.log.exists():
            return 0
        with slot.log.open("rb") as log:
            log.seek(at)
            return sum(self._phrase in line for line in log)
