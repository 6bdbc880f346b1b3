"""Numbering: which placeholder stands for which value, and texts with the values cut out.

Numbers count from 1 within a conversation or document and a kind, in reading order. A value is
known by its keyed digest alone.

Where a tenant wants one placeholder for one value in all that it has, the number comes from that
digest. So no row holds all values of a tenant, nothing has to be asked, and no two lanes can give
one value two numbers. Should two values of one conversation or document come to the same number,
the second takes the next free one there: neither is ever restored as the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from agents.known_values import Reading
from agents.placeholders import (
    canonical,
    derived,
    escape,
    is_derived,
    number_of,
    placeholder,
)
from agents.spans import Mention
from schemas import Numbered


@dataclass(frozen=True)
class Numbering:
    """Placeholders of the values of one conversation or document."""

    entries: Mapping[str, Numbered]
    """By digest: those of earlier events, and those that this event added."""
    added: tuple[Numbered, ...]
    """In reading order."""
    mentioned: tuple[Numbered, ...]
    """Those that the reading mentions, added or not, each once in reading order."""

    @classmethod
    def extended(
        cls,
        earlier: Sequence[Numbered],
        reading: Reading,
        digests: Mapping[str, str],
        *,
        consistent: bool = False,
    ) -> Numbering:
        """Give a number to each value of a reading that has none yet.

        `digests` holds the digest of each canonical form; `consistent` asks for numbers that come
        from it. What has a placeholder keeps it, whichever way it came by it.
        """
        numbers = _FromDigests(earlier) if consistent else _Counted(earlier)
        entries = {entry.digest: entry for entry in earlier}
        added = []
        mentioned = {}
        for kind, digest in _occurrences(reading, digests):
            if digest not in entries:
                name = numbers.next(kind, digest)
                entry = Numbered(placeholder=name, kind=kind, digest=digest)
                entries[digest] = entry
                added.append(entry)
            mentioned[digest] = entries[digest]
        return cls(entries, tuple(added), tuple(mentioned.values()))


class _Counted:
    """Gives numbers in turn, each above those that were given of its kind."""

    def __init__(self, earlier: Sequence[Numbered]) -> None:
        self._highest: dict[str, int] = {}
        for entry in earlier:
            if not is_derived(entry.placeholder):
                number = number_of(entry.placeholder)
                self._highest[entry.kind] = max(self._highest.get(entry.kind, 0), number)

    def next(self, kind: str, _digest: str) -> str:
        """Name a value that has no name yet."""
        number = self._highest[kind] = self._highest.get(kind, 0) + 1
        return placeholder(kind, number)


class _FromDigests:
    """Gives the numbers that come from digests; of two alike the later one makes way."""

    def __init__(self, earlier: Sequence[Numbered]) -> None:
        self._used = {entry.placeholder for entry in earlier}
        self._tried: dict[str, str] = {}
        """By the name that a digest gives: the last one that a value came to from there.

        All between the two are used and stay so: nobody has to try them again."""

    def next(self, kind: str, digest: str) -> str:
        """Name a value that has no name yet."""
        first = derived(kind, digest)
        name = self._tried.get(first, first)
        while name in self._used:
            name = placeholder(kind, number_of(name) + 1)
        self._used.add(name)
        self._tried[first] = name
        return name


def _occurrences(reading: Reading, digests: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield kind and digest of each mention, in reading order."""
    for text, mentions in zip(reading.texts, reading.mentions, strict=True):
        for mention in mentions:
            yield mention.kind, digests[canonical(mention.of(text))]


@dataclass(frozen=True)
class Excised:
    """A text without its values."""

    text: str
    values: Mapping[str, tuple[Numbered, str]]
    """By placeholder, in the order of first use: what it stands for and its first spelling."""


def excise(
    text: str,
    mentions: Sequence[Mention],
    numbering: Numbering,
    digests: Mapping[str, str],
) -> Excised:
    """Cut the values out of a text, and escape what only looks like a placeholder."""
    parts, at = [], 0
    values: dict[str, tuple[Numbered, str]] = {}
    for mention in mentions:
        value = mention.of(text)
        entry = numbering.entries[digests[canonical(value)]]
        values.setdefault(entry.placeholder, (entry, value))
        parts += [escape(text[at : mention.start]), entry.placeholder]
        at = mention.end
    return Excised("".join((*parts, escape(text[at:]))), values)


def remembered(entries: Sequence[Numbered], entries_max: int) -> tuple[Numbered, ...]:
    """Keep the newest entries, and the newest of each kind, so that no number is given twice.

    A number that comes from a digest comes from it again, so of those only the newest are kept.
    """
    newest = {
        entry.kind: index
        for index, entry in enumerate(entries)
        if not is_derived(entry.placeholder)
    }
    first = len(entries) - entries_max
    keep = set(newest.values())
    return tuple(entry for index, entry in enumerate(entries) if index >= first or index in keep)
