"""Front matter: what Markdown says of itself at its beginning, where it is that and no text.

Why it is so: a page may begin with a line between two rules, or with a quotation. So what stands
there is front matter where it parses as a mapping, of YAML between `---` or TOML between `+++`;
else it is text. Its values are read as well: authors and dates are asked for.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from connectors.readers.value_paths import path_lines, scalar_text

FRONT_CHARS_MAX = 8_000
_FRONT_MATTER = re.compile(
    rf"\A(---|\+\+\+)[^\S\n]*\n(.{{0,{FRONT_CHARS_MAX}}}?)\n(?:\1|\.\.\.)[^\S\n]*(?:\n|\Z)",
    re.DOTALL,
)


@dataclass(frozen=True)
class FrontMatter:
    """A document's title, and all else as `name: value`."""

    title: str = ""
    rows: list[str] = field(default_factory=list)


class _PlainLoader(yaml.BaseLoader):
    """Reads every scalar as a text, and no aliases: these can stand for more than is there."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias")
        return super().compose_node(parent, index)


def front_matter_of(text: str) -> tuple[FrontMatter, str] | None:
    """Return the front matter of a document and the text behind it; None where there is none."""
    found = _FRONT_MATTER.match(text)
    values = None if found is None else _mapping(found[1], found[2])
    if found is None or values is None:
        return None
    title = values.get("title")
    named = isinstance(title, str) and bool(title.strip())
    rows = list(
        path_lines({name: one for name, one in values.items() if not named or name != "title"})
    )
    return FrontMatter(scalar_text(title) if named else "", rows), text[found.end() :]


def _mapping(mark: str, source: str) -> Mapping[str, Any] | None:
    try:
        values = tomllib.loads(source) if mark == "+++" else _PlainLoader(source).get_single_data()
    except (yaml.YAMLError, tomllib.TOMLDecodeError, RecursionError, ValueError):
        return None
    if isinstance(values, dict) and values and all(isinstance(name, str) for name in values):
        return values
    return None
