"""Sending: which hosts the policy in force lets a prompt go to, by the class of its content."""

from __future__ import annotations

from collections.abc import Sequence

from agents.policies.asking_rules import ruling
from agents.policies.policy_entities import host_entity, user_entity
from agents.policies.policy_in_force import PolicyInForce
from agents.policies.rule_book import rule_book
from agents.policies.told_rulings import by_rule, told_rulings
from agents.routing.permission import Facts, RouteVerdict
from agents.routing.routes import Route
from schemas import ChunksRetrieved, Passage, PolicyDecision


class SendGate:
    """Decides about the hosts of one request's answer."""

    def __init__(self, event: ChunksRetrieved, policy: PolicyInForce | None) -> None:
        """Take what is to be answered; without a policy all pass."""
        self._policy = policy
        self._rules = rule_book(policy.text).of("send") if policy else None
        self._reader = user_entity(event.meta.tenant, event.subject, event.ask.groups)
        self._told: dict[tuple[str, tuple[str, ...]], PolicyDecision] = {}
        self.denied: dict[str, str] = {}
        """Route's key -> why its host may not get the prompt."""
        self._classes = {one.content_class for one in event.passages} - {""}
        """Of the documents that the prompt may quote."""

    def judged(self, verdicts: Sequence[RouteVerdict], facts: Facts) -> tuple[RouteVerdict, ...]:
        """Deny routes to whose hosts the content may not go; those denied before stay so."""
        return tuple(
            self._judged(verdict, facts.content) if verdict.allowed else verdict
            for verdict in verdicts
        )

    def _judged(self, verdict: RouteVerdict, content: str) -> RouteVerdict:
        why = self.against(verdict.route, content, ())
        if not why:
            return verdict
        self.denied[verdict.route.key] = why
        return RouteVerdict(verdict.route, False, why)

    def against(self, route: Route, content: str, passages: Sequence[Passage]) -> str:
        """Say why a route's host may not get content, and passages beside those of the event."""
        if self._rules is None or self._policy is None:
            return ""
        classes = sorted(self._classes | {one.content_class for one in passages} - {""})
        host = host_entity(route.name, route.provider, route.model, route.regions)
        context = {"class": content, "documents": classes}
        made = ruling(self._rules, self._reader, host, context)
        told = told_rulings(self._policy.digest, "send", [made], route.key)
        self._told[route.key, (content, *classes)] = told
        if made.allowed:
            return ""
        of = f", out of {' and '.join(classes)} documents" if classes else ""
        return f"may get no {content} content{of}, {by_rule(made)}"

    def decisions(self) -> tuple[PolicyDecision, ...]:
        """Return what a record tells of them, in the order in which they were made."""
        return tuple(self._told.values())
