"""Keys ahead: by which keys questions came that were read before what lies before them.

While a gateway serves and reads history (`edge/listening/reading_on.py`), its index lacks the last
minutes; an answer of these counts for the key of its question all the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from edge.listening.entries import Entry
from edge.requests.identity import Whose
from schemas import QuestionAsked

KEPT = 65_536
"""Questions at most: some minutes of them, in 20 MB."""


class KeysAhead:
    """Remembers keys for as long as not all is known; lives on the event loop."""

    def __init__(self, knows_all: Callable[[], bool], kept: int = KEPT) -> None:
        self._knows_all = knows_all
        self._kept = kept
        self._keys: OrderedDict[Whose, str] = OrderedDict()

    def take(self, entry: Entry) -> None:
        """Learn from an entry of the log; those of other kinds say nothing here."""
        if self._knows_all():
            self._keys.clear()
        elif isinstance(entry.event, QuestionAsked):
            self._keys.setdefault(entry.whose, entry.event.key)
            if len(self._keys) > self._kept:
                self._keys.popitem(last=False)

    def find(self, whose: Whose) -> str | None:
        """Return the key that a question came by, as its first record says; None for none."""
        return self._keys.get(whose)
