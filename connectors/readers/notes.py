"""What a reader tells about what it left out or joined: counts and places, never a word of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

RANGES_MAX = 20  # that are named; the rest is counted


def counted_notes(said: Mapping[str, str], counts: Mapping[str, int]) -> Iterator[str]:
    """Say what was counted; nothing of what did not occur."""
    for of, words in said.items():
        if counts.get(of):
            yield words.format(counts[of])


def ranges(numbers: Sequence[int]) -> str:
    """Spell ascending numbers, such as of pages, in short: 1-3, 7."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    told = [str(a) if a == b else f"{a}-{b}" for a, b in spans[:RANGES_MAX]]
    beyond = sum(b - a + 1 for a, b in spans[RANGES_MAX:])
    return ", ".join(told) + (f" and {beyond} more" if beyond else "")
