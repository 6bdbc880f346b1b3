"""Texts of our own: templates, filled."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

TEMPLATES = Path(__file__).with_name("templates.json")
LABELS = {
    "PERSON": "PERSON", "FIRST": "PERSON", "LAST": "PERSON", "CITY": "LOC", "COUNTRY": "LOC",
    "GPE": "LOC", "NRP": "NRP", "ORG": "ORG", "STREET": "ADDR", "UNIT": "ADDR", "ZIP": "ADDR",
    "NUMH": "ADDR", "ADDR": "ADDR", "PHONE": "PHONE", "DATE": "DATE", "AGE": "AGE",
}  # fmt: skip
SHARES = {"en": 0.68, "none": 0.10, "de": 0.04, "fr": 0.035, "es": 0.035, "zh": 0.02, "ja": 0.015}
REST = 0.01
"""Of every other language."""
PLACE = re.compile(r"\{([A-Z]+2?)\}|\{\{|\}\}")
HELD_OUT = 4
"""One in so many templates is for measuring, with `held_out`."""


class Filling(Protocol):
    """Who makes values; Fillers is one."""

    language: str

    def make(self, name: str) -> str:
        """Make a value for a place of a template."""

    def chance(self, share: float) -> bool:
        """Be true this often."""


@dataclass(frozen=True)
class LabelledSentence:
    """A text and where its personal data stands: start, end, label."""

    text: str
    spans: tuple[tuple[int, int, str], ...]


def templates(*, held_out: bool | None = None) -> dict[str, list[str]]:
    """Read the templates by language: all, or those (not) held out."""
    listed: dict[str, list[str]] = json.loads(TEMPLATES.read_text())
    if held_out is None:
        return listed
    return {
        language: [
            one for at, one in enumerate(lines) if (at % HELD_OUT == HELD_OUT - 1) == held_out
        ]
        for language, lines in listed.items()
    }


def written(
    lines: dict[str, list[str]], texts: int, seed: int, fillers: Filling
) -> Iterator[LabelledSentence]:
    """Fill templates until there are so many texts."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    languages = list(lines)
    shares = [SHARES.get(language, REST) for language in languages]
    for _ in range(texts):
        [language] = chance.choices(languages, shares)
        fillers.language = "en" if language == "none" else language
        yield filled(chance.choice(lines[language]), fillers)


def filled(template: str, fillers: Filling) -> LabelledSentence:
    """Fill one template."""
    text, spans, at = "", [], 0
    for place in PLACE.finditer(template):
        text += template[at : place.start()]
        at = place.end()
        name = place[1]
        if name is None:
            text += place[0][0]
            continue
        value = fillers.make(name)
        if name in LABELS:
            spans.append((len(text), len(text) + len(value), LABELS[name]))
        text += value
    text += template[at:]
    if fillers.chance(0.05):  # as people type; letters stay where they are
        small = text.lower()
        text = small if len(small) == len(text) else text
    return LabelledSentence(text, tuple(spans))
