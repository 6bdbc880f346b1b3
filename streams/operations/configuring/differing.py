"""How two configurations differ: value by value, and line by line where texts have several."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ABSENT = object()
"""Stands for no value."""


@dataclass(frozen=True)
class ChangedValue:
    """A value that two configurations do not share; None on a side that has none."""

    path: str
    before: Any
    after: Any

    @property
    def lines(self) -> Iterator[str]:
        """Show it as a diff does."""
        if isinstance(self.before, str) and isinstance(self.after, str) and self._long:
            told = difflib.unified_diff(
                self.before.splitlines(), self.after.splitlines(), lineterm="", n=1
            )
            yield f"  {self.path}:"
            yield from (f"    {line}" for line in list(told)[2:])
            return
        for sign, value in (("-", self.before), ("+", self.after)):
            if value is not ABSENT:
                yield f"{sign} {self.path}: {json.dumps(value, ensure_ascii=False)}"

    @property
    def _long(self) -> bool:
        return "\n" in self.before or "\n" in self.after

    def as_json(self) -> dict[str, Any]:
        """Return it for `--json`: a side that has no value is left out."""
        sides = (("before", self.before), ("after", self.after))
        return {"path": self.path, **{key: one for key, one in sides if one is not ABSENT}}


def differences(before: Any, after: Any, path: str = "") -> list[ChangedValue]:
    """List what differs, in the order of the paths."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        keys = sorted({*before, *after})
        pairs = [(f"{path}.{key}" if path else key, key) for key in keys]
        return [
            found
            for place, key in pairs
            for found in differences(before.get(key, ABSENT), after.get(key, ABSENT), place)
        ]
    if isinstance(before, list) and isinstance(after, list):
        return [
            found
            for at in range(max(len(before), len(after)))
            for found in differences(_item(before, at), _item(after, at), f"{path}[{at}]")
        ]
    return [] if _same(before, after) else [ChangedValue(path, before, after)]


def _item(values: list[Any], at: int) -> Any:
    return values[at] if at < len(values) else ABSENT


def _same(before: Any, after: Any) -> bool:
    """Tell whether two values are written alike: 1 and 1.0 and true are three."""
    return type(before) is type(after) and before == after
