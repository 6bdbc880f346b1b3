"""Values shown: what one look puts in the place of placeholders, and what the log is told of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edge.callers.access import Access
from edge.callers.caller import Caller
from schemas import MapEntry


class ValuesShown:
    """Opens values for one look, each text's at the moment at which it is spelt.

    So the log is told of just the types that were opened, whatever comes into force meanwhile.
    """

    def __init__(self, caller: Caller, access: Access, *, erased: bool) -> None:
        """Of somebody who was `erased` none is opened, though others may have brought it along."""
        self._caller = caller
        self._access = access
        self._erased = erased
        self._kinds: set[str] = set()

    def __call__(self, entries: Iterable[MapEntry]) -> Mapping[str, str]:
        """Return the values that the caller may see, by placeholder."""
        if self._erased:
            return {}
        entries = tuple(entries)
        values = self._access.reveal(self._caller, entries)
        self._kinds.update(one.kind for one in entries if one.placeholder in values)
        return values

    @property
    def kinds(self) -> tuple[str, ...]:
        """Types of the values that were opened, sorted."""
        return tuple(sorted(self._kinds))
