"""Dictionaries: what a tenant calls by several names, so that each finds what another one names.

An acronym and its long form, a product's number and its name, a word of a trade and everybody's: no
model knows them. A query that holds one name of a group is searched by the words of the others as
well; its vector stays that of the query. A passage that holds another name than the question's
counts as one that holds what is asked.

Names are compared as words are: by stems, in their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from agents.language import stem, words

EVERYBODY = "*"
"""Whose dictionary is everybody's."""
ADDED_MAX = 32
"""Names that a query is searched by beside its own words."""
PUT_MAX = 8
"""Wordings in which other names take the place of those of the question."""
KEPT_MAX = 16

Synonyms = Sequence[Sequence[str]]
"""Groups of names that mean the same."""


class NamedWording(NamedTuple):
    """A way to say something."""

    text: str
    renamed: tuple[str, ...] = ()
    """Words of the original that it says by another name."""


class Dictionary:
    """Groups of names, looked up in a text in one pass."""

    def __init__(self, groups: Synonyms) -> None:
        self.groups = tuple(tuple(group) for group in groups)
        self._trie: dict[str, Any] = {}
        for at, group in enumerate(self.groups):
            for name in group:
                self._put(forms_of(name), at)

    def _put(self, forms: Sequence[str], group: int) -> None:
        node = self._trie
        for form in forms:
            node = node.setdefault(form, {})
        if forms:  # a name without a word names nothing
            node.setdefault(END, []).append(group)

    def mentioned(self, text: str) -> list[tuple[int, int, int]]:
        """List what a text names: group, first word and the word behind the last one.

        Of names that begin at one word the longest counts; none begins within another.
        """
        forms = forms_of(text)
        found, at = [], 0
        while at < len(forms):
            node, longest = self._trie, None
            for behind in range(at, len(forms)):
                if forms[behind] not in node:
                    break
                node = node[forms[behind]]
                if END in node:
                    longest = behind + 1, node[END]
            if longest is None:
                at += 1
                continue
            found += [(group, at, longest[0]) for group in longest[1]]
            at = longest[0]
        return found

    def others(self, text: str) -> tuple[str, ...]:
        """List the other names of what a text names, each once, in the order of the groups."""
        forms = " ".join(("", *forms_of(text), ""))
        names: dict[str, None] = {}
        for group in dict.fromkeys(group for group, _, _ in self.mentioned(text)):
            for name in self.groups[group]:
                if f" {' '.join(forms_of(name))} " not in forms:
                    names[name] = None
            if len(names) >= ADDED_MAX:
                break
        return tuple(names)[:ADDED_MAX]

    def expanded(self, text: str) -> str:
        """Return a text with the other names of what it names behind it."""
        return " ".join((text, *self.others(text)))

    def wordings(self, text: str) -> tuple[NamedWording, ...]:
        """Return a text, and what it says by other names, one of them changed at a time."""
        spelt, forms = words(text), forms_of(text)
        found = [NamedWording(text)]
        for group, first, behind in self.mentioned(text):
            for name in self.groups[group]:
                if forms_of(name) == forms[first:behind]:
                    continue
                put = " ".join((*spelt[:first], name, *spelt[behind:]))
                found.append(NamedWording(put, spelt[first:behind]))
                if len(found) > PUT_MAX:
                    return tuple(found)
        return tuple(found)


END = ""
"""Key of the groups whose name ends at a node; no word is empty."""
NOTHING = Dictionary(())
_KEPT: dict[tuple[int, str], tuple[Any, Dictionary]] = {}
"""By a configuration's identity, which its being kept here holds to it, and tenant."""


def dictionary_of(configured: Mapping[str, Synonyms] | None, tenant: str) -> Dictionary:
    """Return a tenant's dictionary of a configuration: everybody's groups, and its own."""
    if not configured:
        return NOTHING
    found = _KEPT.get((id(configured), tenant))
    if found is None:
        groups = (*configured.get(EVERYBODY, ()), *configured.get(tenant, ()))
        if len(_KEPT) >= KEPT_MAX:
            _KEPT.clear()
        found = _KEPT[id(configured), tenant] = configured, Dictionary(groups)
    return found[1]


def forms_of(text: str) -> tuple[str, ...]:
    """List what the words of a text are compared as."""
    return tuple(map(stem, words(text)))
