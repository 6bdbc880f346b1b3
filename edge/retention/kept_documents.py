"""Documents as the log tells of them, and which of them the policy says may be kept no longer.

A document's age is that of its newest submission. It is decided about each time anew, so nothing is
remembered beside the log: who runs it twice withdraws nothing twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from agents.policies.asking_rules import ruling
from agents.policies.deciding import BROKEN, CannotDecide
from agents.policies.policy_entities import class_of, document_entity, tenant_entity
from agents.policies.rule_book import ActionRules
from agents.policies.told_rulings import by_rule
from schemas import DescribedDocument, DocumentSubmitted, DocumentWithdrawn
from streams.operations.erasures.held_people import HeldPeople

DAY_US = 86_400_000_000
REASON = "retention: "
"""Begins the reason of each withdrawal for retention, in the record of it."""


@dataclass
class KeptDocument:
    """What was handed in as one document, version by version."""

    tenant: str
    document: str
    submitted: list[DocumentSubmitted] = field(default_factory=list)
    withdrawn_us: int = -1
    """When it was withdrawn last; -1 for never."""
    reason: str = ""
    """Of that withdrawal."""

    @property
    def newest(self) -> DocumentSubmitted:
        """What was handed in last."""
        return self.submitted[-1]

    @property
    def stands(self) -> bool:
        """Whether it was handed in after it was withdrawn last."""
        return self.newest.meta.at > self.withdrawn_us

    def is_held(self, people: HeldPeople) -> bool:
        """Tell whether a legal hold keeps it, whichever of its versions says whose it is."""
        return any(people.holder_of(self.document, one.metadata) for one in self.submitted)

    @property
    def claims(self) -> tuple[str, ...]:
        """Bodies outside the log of what was handed in until it was withdrawn last."""
        gone = (one for one in self.submitted if one.meta.at <= self.withdrawn_us)
        sealed = (part for one in gone for part in (one.content, one.title) if part is not None)
        return tuple(sorted({part.claim for part in sealed if part.claim}))


@dataclass(frozen=True)
class ExpiredDocument:
    """A document that may be kept no longer."""

    document: KeptDocument
    age_days: int
    rules: tuple[str, ...]
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Return it for `--json`."""
        newest = self.document.newest
        return {
            "tenant": self.document.tenant,
            "document": self.document.document,
            "uri": newest.uri,
            "age_days": self.age_days,
            "rules": list(self.rules),
        }


def kept_documents(
    events: Iterable[DocumentSubmitted | DocumentWithdrawn],
) -> list[KeptDocument]:
    """Gather what the log tells of each document, in any order of the records."""
    known: defaultdict[tuple[str, str], list[DocumentSubmitted | DocumentWithdrawn]]
    known = defaultdict(list)
    for event in events:
        known[event.meta.tenant, event.document].append(event)
    return [
        made
        for (tenant, document), told in sorted(known.items())
        if (made := _kept(tenant, document, told)).submitted
    ]


def _kept(
    tenant: str, document: str, told: Iterable[DocumentSubmitted | DocumentWithdrawn]
) -> KeptDocument:
    made = KeptDocument(tenant, document)
    for event in sorted(told, key=lambda one: one.meta.at):
        if isinstance(event, DocumentSubmitted):
            made.submitted.append(event)
        else:
            made.withdrawn_us, made.reason = event.meta.at, event.reason
    return made


def expired(
    documents: Iterable[KeptDocument], rules: ActionRules, digest: str, now_us: int
) -> Iterator[ExpiredDocument]:
    """List those that no rule lets be kept at their age; raises as the engine does.

    Elsewhere a rule that breaks denies. Here that would withdraw what perhaps is to be kept, which
    nobody can take back: so it raises CannotDecide.
    """
    for one in documents:
        if not one.stands:
            continue
        newest = one.newest
        age_days = max(0, now_us - newest.meta.at) // DAY_US
        thing = DescribedDocument(
            document=one.document,
            uri=newest.uri,
            metadata=dict(newest.metadata),
            groups=newest.groups,
        )
        made = ruling(
            rules,
            tenant_entity(one.tenant),
            document_entity(one.tenant, thing),
            {"age_days": age_days},
        )
        if BROKEN in made.rules:
            raise CannotDecide(
                f"a rule on keep breaks at the age of {age_days} days, so nothing is withdrawn: "
                "mend the policy, a number in it may be too large"
            )
        if not made.allowed:
            reason = (
                f"{REASON}{age_days} days old, class {class_of(thing)}: not kept, {by_rule(made)} "
                f"({digest[:12]})"
            )
            yield ExpiredDocument(one, age_days, made.rules, reason)
