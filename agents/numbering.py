"""Numbering: which placeholder stands for which value, and texts with the values cut out.

Numbers count from 1 within a conversation or document and a kind, in reading order. A value is
known by its keyed digest alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from agents.known_values import Reading
from agents.placeholders import canonical, escape, number_of, placeholder
from agents.spans import Mention
from schemas import Numbered


@dataclass(frozen=True)
class Numbering:
    """Placeholders of the values of one conversation or document."""

    entries: Mapping[str, Numbered]
    """By digest: those of earlier events, and those that this event added."""
    added: tuple[Numbered, ...]
    """In reading order."""

    @classmethod
    def extended(
        cls, earlier: Sequence[Numbered], reading: Reading, digests: Mapping[str, str]
    ) -> Numbering:
        """Give a number to each value of a reading that has none yet.

        `digests` holds the digest of each canonical form.
        """
        highest: dict[str, int] = {}
        for entry in earlier:
            highest[entry.kind] = max(highest.get(entry.kind, 0), number_of(entry.placeholder))
        entries = {entry.digest: entry for entry in earlier}
        added = []
        for kind, digest in _occurrences(reading, digests):
            if digest not in entries:
                number = highest[kind] = highest.get(kind, 0) + 1
                entry = Numbered(placeholder=placeholder(kind, number), kind=kind, digest=digest)
                entries[digest] = entry
                added.append(entry)
        return cls(entries, tuple(added))


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
    """Keep the newest entries, and the newest of each kind, so that no number is given twice."""
    newest = {entry.kind: index for index, entry in enumerate(entries)}
    first = len(entries) - entries_max
    keep = set(newest.values())
    return tuple(entry for index, entry in enumerate(entries) if index >= first or index in keep)
