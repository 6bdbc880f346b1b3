"""Tool results: what a tool gave, as a passage that can be shown, quoted, checked and cited.

A result is data like a document: what gives orders in it is left out, and what it says counts only
as far as a sentence of the answer rests on it. JSON is told line by line, `name: value`, so that a
statement is what an answer can quote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agents.neutralising import without_orders
from schemas import MapEntry, Passage

LINES_MAX = 120
PREFIX = "tool/"
"""What the document of a result begins with; no document of the index does."""
CHARACTERS_A_TOKEN = 4


def told(content: str, characters_max: int) -> str:
    """Tell JSON in lines; another text as it is. What is beyond the bounds is left out."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return content[:characters_max]
    lines: list[str] = []
    left = characters_max
    for line in _lines("", value):
        left -= len(line) + 1
        if left < 0 or len(lines) == LINES_MAX:
            break
        lines.append(line)
    return "\n".join(lines)


def _lines(name: str, value: Any) -> Iterator[str]:
    match value:
        case dict():
            for key, inner in value.items():
                yield from _lines(f"{name} {key}".strip(), inner)
        case list():
            if not any(isinstance(inner, dict | list) for inner in value):
                yield _line(name, ", ".join(map(_plain, value)))
                return
            for number, inner in enumerate(value, 1):
                yield from _lines(f"{name} {number}".strip(), inner)
        case _:
            yield _line(name, _plain(value))


def _line(name: str, text: str) -> str:
    flat = " ".join(text.split())
    return f"{name.replace('_', ' ')}: {flat}" if name else flat


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def result_passage(
    name: str,
    arguments: str,
    text: str,
    number: int,
    uri: str = "",
    entries: tuple[MapEntry, ...] = (),
) -> Passage:
    """Make a passage of what a tool gave."""
    return Passage(
        chunk=f"{PREFIX}{number}",
        document=f"{PREFIX}{name}",
        version=1,
        number=number,
        title=f"{name} {told(arguments, 200)}".replace("\n", ", "),
        uri=uri,
        text=text,
        tokens=len(text) // CHARACTERS_A_TOKEN + 1,
        score=1.0,
        entries=entries,
    )


def harmless(passage: Passage) -> str:
    """Return the text of a passage without what gives orders."""
    [kept], _ = without_orders([passage])
    return kept.text
