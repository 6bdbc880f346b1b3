"""The plain values of one question, so that none of them is ever shown, stored or sent on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SHORTEST = 2  # characters of a value that is looked for in a text


@dataclass
class KnownPlain:
    """Plain values and the placeholders that stand for them; never printed."""

    _known: dict[str, str] = field(default_factory=dict, repr=False)

    def learn(self, values: Mapping[str, str]) -> None:
        """Take in values with their placeholders; a value keeps the first that it had."""
        for plain, placeholder in values.items():
            if len(plain) >= SHORTEST:
                self._known.setdefault(plain, placeholder)

    def standing_in(self, text: str) -> tuple[str, ...]:
        """Name the placeholders whose values stand in a text in plain."""
        folded = text.casefold()
        found = (name for plain, name in self._known.items() if plain.casefold() in folded)
        return tuple(dict.fromkeys(found))

    def masked(self, text: str) -> str:
        """Return a text with a mark in the place of each value that stands there in plain."""
        for plain in sorted(self._known, key=len, reverse=True):
            text = _replaced(text, plain, f"[{self._known[plain].strip('<>')} in plain]")
        return text


def _replaced(text: str, plain: str, mark: str) -> str:
    """Replace a value wherever it stands, however it is capitalised."""
    folded, wanted = text.casefold(), plain.casefold()
    if len(folded) != len(text):  # a letter that folds into two: places would not agree
        return mark if wanted in folded else text
    parts, at = list[str](), 0
    while (found := folded.find(wanted, at)) >= 0:
        parts += [text[at:found], mark]
        at = found + len(wanted)
    return "".join([*parts, text[at:]])
