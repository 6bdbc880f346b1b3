"""What is known, asked and answered: made-up places, each a passage of short sentences.

The stub model says a prompt's last passage word by word, so a passage has as many words as its
answer is to have tokens. Each sentence has eight words, names its place, and says what no other
passage says, so that a platform that checks sentences one by one shows all of them. What is asked
for is no number: passages of like places would be shown as documents that say different things.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SENTENCE = 8  # words of each
SHORT, LONG = 48, 200  # tokens of an answer
ASKED = 16  # places that are asked about, of either length; answers of one are equal
PLACES_TOTAL = 96
"""Passages of the index: those that are asked about, and others like them."""

COLOURS = (
    "amber", "cobalt", "crimson", "ivory", "emerald", "golden", "scarlet", "violet", "indigo",
    "maroon", "turquoise", "ochre",
)  # fmt: skip
"""Plain words: no detector of personal data takes them for a person, in one program or another."""
SIGHTS = ("ferry", "library", "tramway", "bakery", "observatory", "mill", "theatre", "archive")
KEPT = (
    "wooden boats", "brass lamps", "oak chairs", "copper kettles", "linen flags", "iron bells",
    "clay pots", "silver spoons", "woollen coats", "glass jars", "stone tables", "paper maps",
    "leather bags", "painted doors", "straw baskets", "marble busts", "canvas tents", "pewter mugs",
    "velvet curtains", "cotton ropes", "bronze coins", "rubber boots", "walnut shelves",
    "tin drums",
)  # fmt: skip


@dataclass(frozen=True)
class KnownSight:
    """A passage, and the question that it answers."""

    number: int
    """From 0; no two have the same name."""
    words: int
    """Of the passage, and tokens of the answer."""

    @property
    def name(self) -> str:
        """Name it, in two words."""
        return f"{COLOURS[self.number // len(SIGHTS)]} {SIGHTS[self.number % len(SIGHTS)]}"

    @property
    def uri(self) -> str:
        """Say where it is from."""
        return f"place/{self.number}"

    @property
    def title(self) -> str:
        """Entitle its document."""
        return self.name.capitalize()

    @property
    def question(self) -> str:
        """Ask what its first sentence tells."""
        return f"What does the {self.name} show to its visitors?"

    @property
    def text(self) -> str:
        """Tell what is known of it, in so many words."""
        sentences = [f"The {self.name} shows visitors its {KEPT[self.number % len(KEPT)]}."]
        for index, kept in enumerate(KEPT):
            amount = 3 + (self.number * len(KEPT) + index) % 4_999
            sentences.append(f"The {self.name} keeps {amount} {kept} indoors.")
        return " ".join(sentences[: self.words // SENTENCE])


def places() -> list[KnownSight]:
    """Return all that is known: short passages, and from ASKED to twice that the long ones."""
    longs = range(ASKED, 2 * ASKED)
    return [KnownSight(n, LONG if n in longs else SHORT) for n in range(PLACES_TOTAL)]


def asked_about(words: int) -> list[KnownSight]:
    """Return the places that are asked about where answers are to have so many tokens."""
    first = ASKED if words == LONG else 0
    return places()[first : first + ASKED]


def questions(words: int) -> Iterator[KnownSight]:
    """Ask about each of them in turn, for ever."""
    while True:
        yield from asked_about(words)
