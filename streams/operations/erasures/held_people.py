"""What legal holds of a tenant keep, whoever is erased and however old it is.

A hold keeps what is held of a person as it is: their own texts, the documents that are theirs by
metadata or were named with the hold, and every value that was named or that those texts mention.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from schemas import LegalHoldSet
from streams.operations.erasures.named_subjects import KnowsSubjects, subjects_named

DATA_SUBJECT = "data_subject"
"""Field of a document's metadata that says whose it is: a user, or their keyed digest."""


@dataclass(frozen=True)
class HeldPeople:
    """People of one tenant who are held."""

    holds: Mapping[str, LegalHoldSet] = field(default_factory=dict)
    """By subject."""
    subjects_of: Callable[[str], Collection[str]] = lambda _: ()
    """Returns the digests of whoever a name in metadata means."""

    @property
    def values(self) -> frozenset[str]:
        """Digests of values that were named with holds."""
        return frozenset(value for hold in self.holds.values() for value in hold.values)

    def holder_of(self, document: str, metadata: Mapping[str, str]) -> str:
        """Return for whom a document is held, by one of its versions; empty for nobody."""
        if not self.holds:
            return ""
        name = metadata.get(DATA_SUBJECT, "")
        named = self.holds.keys() & set(self.subjects_of(name) if name else ())
        named |= {subject for subject, hold in self.holds.items() if document in hold.documents}
        return min(named, default="")

    def words(self, subject: str, what: str) -> str:
        """Say which hold keeps something of a person."""
        reason = self.holds[subject].reason or "no reason was given"
        return f"{reason} ({what} of {subject[:12]}…, who is held)"


def held_people(keyring: KnowsSubjects, tenant: str, holds: Iterable[LegalHoldSet]) -> HeldPeople:
    """Return who is held in a tenant."""
    return HeldPeople(
        {hold.subject: hold for hold in holds},
        lambda name: subjects_named(keyring, tenant, name),
    )
