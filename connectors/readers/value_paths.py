"""Spell nested values as lines: each value behind the path that leads to it.

Why it is so: a value says little without its path, and a path says what the braces around it do. It
is told by its last parts, so that what is spelt grows with what was given, however deep that is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

PARTS_MAX = 8  # of a path, the last ones
PART_CHARS_MAX = 60


class NamedValues(list[tuple[str, Any]]):
    """An object's names and values, as they stood; a name may stand twice."""


def path_lines(value: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Spell `path: value` for each value, in order; nothing for what is empty or null.

    Scalars that stand in a list of nothing else share a line.
    """
    stack: list[tuple[tuple[str, ...], Any]] = [(path, value)]
    while stack:
        path, value = stack.pop()
        if not is_nested(value):
            if (text := scalar_text(value)) != "":
                yield f"{spelt_path(path)}: {text}" if path else text
        elif not isinstance(value, NamedValues | Mapping) and not any(map(is_nested, value)):
            texts = ", ".join(filter(None, map(scalar_text, value)))
            if texts:
                yield f"{spelt_path(path)}: {texts}" if path else texts
        else:
            stack.extend(reversed([(_below(path, name), one) for name, one in members(value)]))


def is_nested(value: Any) -> bool:
    """Whether a value holds others."""
    return isinstance(value, list | Mapping)


def members(value: Any) -> Iterator[tuple[str, Any]]:
    """List what a nested value holds, by names, or by numbers from 1 in brackets."""
    if isinstance(value, NamedValues):
        yield from value
    elif isinstance(value, Mapping):
        yield from ((str(name), one) for name, one in value.items())
    else:
        yield from ((f"[{number}]", one) for number, one in enumerate(value, start=1))


def scalar_text(value: Any) -> str:
    """Spell a value that holds no others, as JSON spells it; nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()


def spelt_path(path: Sequence[str]) -> str:
    """Spell a path: `servers[2].host`."""
    return "".join(
        part if part.startswith("[") or not at else f".{part}" for at, part in enumerate(path)
    )


def _below(path: tuple[str, ...], name: str) -> tuple[str, ...]:
    return (*path[-PARTS_MAX + 1 :], " ".join(name[:PART_CHARS_MAX].split()))
