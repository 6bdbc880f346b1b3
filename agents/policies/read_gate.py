"""Reading: which of the documents that a search found its reader may see.

What is denied goes no further: its candidates are not reranked, and its text is never fetched.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from agents.effects import Effects
from agents.policies.asking_rules import rulings
from agents.policies.deciding import UNKNOWN, Ruling
from agents.policies.policy_entities import class_of, document_entity, user_entity
from agents.policies.policy_in_force import PolicyInForce
from agents.policies.processing_place import processed, unprocessed
from agents.policies.rule_book import rule_book
from agents.policies.told_rulings import told_rulings
from schemas import Ask, ChunksRetrieved, Found, Meta, Passage, PolicyDecision, QueryRewritten

WIDER = 4  # how many times as many candidates are asked for where too few are left
WIDER_MAX = 400
"""Candidates of a search that is widened: each stands on the log."""


class ReadGate:
    """Decides about the documents of one request."""

    def __init__(self, policy: PolicyInForce | None, meta: Meta, subject: str, ask: Ask) -> None:
        """Take who asks for what; without a policy all passes."""
        self._policy = policy
        self._book = rule_book(policy.text) if policy else None
        self._tenant = meta.tenant
        self._rules = self._book.of("read") if self._book else None
        self._reader = user_entity(meta.tenant, subject, ask.groups)
        self._context = {"mode": ask.mode}
        self._made: dict[str, Ruling] = {}
        """Document -> what was decided."""
        self._classes: dict[str, str] = {}
        self._residency: list[PolicyDecision] = []

    @property
    def described(self) -> bool:
        """Whether documents have to be described: rules speak of who reads, or what is sent."""
        return self._book is not None and bool({"read", "send"} & self._book.by_action.keys())

    def refusal(self) -> str:
        """Say why the tenant's requests may not be processed here; empty where they may."""
        policy, rules = self._policy, self._book.of("process") if self._book else None
        if rules is None or policy is None:
            return ""
        made = processed(rules, self._tenant, policy.region)
        self._residency = [told_rulings(policy.digest, "process", [made], policy.region)]
        return "" if made.allowed else unprocessed(made, policy.region)

    async def sifted(self, results: Sequence[Found], fx: Effects) -> tuple[Found, ...]:
        """Leave out what the reader may not see."""
        self._classes |= {
            one.document: class_of(one) for found in results for one in found.documents
        }
        if self._rules is None:
            return tuple(results)
        described = {one.document: one for found in results for one in found.documents}
        new = sorted(described.keys() - self._made.keys())
        things = [document_entity(self._tenant, described[name]) for name in new]
        made = []
        for one in rulings(self._rules, self._reader, things, self._context):
            if one is None:
                await fx.pause()
            else:
                made.append(one)
        self._made |= dict(zip(new, made, strict=True))
        for found in results:
            for candidate in found.candidates:
                self._made.setdefault(candidate.document, Ruling(False, (UNKNOWN,)))
        return tuple(
            replace(
                found,
                candidates=tuple(c for c in found.candidates if self._made[c.document].allowed),
                documents=tuple(d for d in found.documents if self._made[d.document].allowed),
            )
            for found in results
        )

    def classed(self, passages: Sequence[Passage]) -> tuple[Passage, ...]:
        """Tell of each passage the class of its document, where rules may go by it."""
        if not self.described:
            return tuple(passages)
        return tuple(
            replace(one, content_class=self._classes.get(one.document, UNKNOWN)) for one in passages
        )

    def decisions(self) -> tuple[PolicyDecision, ...]:
        """Return what a record tells of all of it."""
        if self._rules is None or self._policy is None:
            return tuple(self._residency)
        read = told_rulings(self._policy.digest, "read", self._made.values())
        return (*self._residency, read)


def read_gate(event: QueryRewritten | ChunksRetrieved, fx: Effects) -> ReadGate:
    """Make the gate of a request, by the policy in force."""
    return ReadGate(fx.policy, event.meta, event.subject, event.ask)
