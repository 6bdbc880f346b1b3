"""Sending: which hosts the policy in force lets a prompt go to, by the class of its content."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from agents.policies.asking_rules import ruling
from agents.policies.deciding import UNKNOWN, Ruling
from agents.policies.policy_entities import host_entity, user_entity
from agents.policies.policy_in_force import PolicyInForce
from agents.policies.rule_book import ActionRules, rule_book
from agents.policies.told_rulings import by_rule, told_rulings
from agents.routing.permission import RouteVerdict
from agents.routing.routes import Route
from agents.tools.tool_results import PREFIX
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
        self._classes = _classes(event.passages)
        """Of the documents that the prompt may quote."""
        self._by_class = self._rules is not None and _speak_of_documents(self._rules)

    def held(self, verdicts: Sequence[RouteVerdict], content: str) -> tuple[RouteVerdict, ...]:
        """Deny routes to whose hosts the content may not go; those denied before stay so."""
        return tuple(
            self._judged(verdict, content) if verdict.allowed else verdict for verdict in verdicts
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
        classes = sorted(self._classes | _classes(passages))
        if self._by_class and UNKNOWN in classes:
            made = Ruling(False, (UNKNOWN,))
        else:
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


def _classes(passages: Iterable[Passage]) -> set[str]:
    """Collect the classes of documents; a document that was retrieved without has an unknown one.

    What a tool gave is out of no document.
    """
    documents = (one for one in passages if not one.document.startswith(PREFIX))
    return {one.content_class or UNKNOWN for one in documents}


def _speak_of_documents(rules: ActionRules) -> bool:
    """Tell whether rules may decide by the classes of documents: whoever does so names them."""
    return any('"documents"' in json.dumps(rule["conditions"]) for rule in rules.rules)
