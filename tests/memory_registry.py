"""A schema registry in memory, as a codec asks it; held to the real one's contract in tests/schemas."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from schemas.registry import FixedIds, RegistryAway


class MemoryRegistry:
    """Knows some definitions; may be away, and counts what it is asked."""

    def __init__(
        self, definitions: Mapping[int, dict[str, Any]], ids: Mapping[str, int] | None = None
    ) -> None:
        self._definitions, self._numbers = dict(definitions), dict(ids or {})
        self.away = False
        self.errors: deque[Exception] = deque()
        """Raised one by one, in place of answers."""
        self.asked: list[str | int] = []
        """Records and ids, in the order in which they were asked for."""

    def id_of(self, record: str) -> int:
        self._ask(record)
        return self._known.id_of(record)

    def definition_of(self, schema_id: int) -> dict[str, Any]:
        self._ask(schema_id)
        return self._known.definition_of(schema_id)

    def hear(self, schema_id: int, definition: dict[str, Any] | None) -> None:
        """Learn a definition, as one does that lags behind another registry; None: forget it."""
        self._definitions.pop(schema_id, None)
        if definition is not None:
            self._definitions[schema_id] = definition

    @property
    def _known(self) -> FixedIds:
        return FixedIds(self._definitions, self._numbers)

    def _ask(self, what: str | int) -> None:
        self.asked.append(what)
        if self.errors:
            raise self.errors.popleft()
        if self.away:
            raise RegistryAway("the registry is away")
