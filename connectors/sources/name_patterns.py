"""Which names are wanted: shell patterns, those of `include` less those of `exclude`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import translate


@dataclass(frozen=True)
class NamePatterns:
    """Patterns with commas between; `*` stands for any characters, `/` among them."""

    include: str = ""
    """Empty for all names."""
    exclude: str = ""

    def takes(self, name: str) -> bool:
        """Say whether a name is wanted."""
        return _matches(self.include or "*", name) and not _matches(self.exclude, name)


def _matches(patterns: str, name: str) -> bool:
    listed = [one.strip() for one in patterns.split(",") if one.strip()]
    return any(re.fullmatch(translate(one), name) for one in listed)
