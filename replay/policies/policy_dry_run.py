"""A dry run: what a policy would have changed in requests that the log holds.

It decides again about what their records tell: documents that were found, the model that answered,
the region. What the answer would have been without a document it does not say: then another search,
and perhaps a model, would have been asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.errors import Permanent
from agents.placeholders import placeholders_in
from agents.policies.asking_rules import ruling
from agents.policies.deciding import Ruling
from agents.policies.policy_entities import class_of, host_entity, user_entity
from agents.policies.policy_in_force import rules_in
from agents.policies.processing_place import processed
from agents.policies.rule_book import RuleBook, rule_book
from agents.routing import Routes, routes_of
from replay.policies.document_rulings import descriptions, document_rulings
from replay.policies.recorded_reads import RecordedRead, SubmittedDocuments
from schemas import DescribedDocument, TokensGenerated

EXAMPLES_MAX = 10
ConfiguredValues = Callable[[str], Mapping[str, Any]]
"""Returns the values of a configuration on the log, by its digest; raises LookupError."""


@dataclass(frozen=True)
class ChangedRequest:
    """A request that would have gone otherwise."""

    request: str
    tenant: str
    at_us: int
    hidden: Mapping[str, Ruling] = field(default_factory=dict)
    """Documents that were shown and would not be."""
    uncovered: Mapping[str, Ruling] = field(default_factory=dict)
    """Documents that the policy of then hid, and this one would not."""
    host: str = ""
    """Route whose model answered and would not be asked."""
    host_ruling: Ruling | None = None
    refused: Ruling | None = None
    """Where it would not be processed at all."""
    uris: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it for `--json`."""

        def told(made: Mapping[str, Ruling]) -> list[dict[str, Any]]:
            return [
                {"document": name, "uri": self.uris.get(name, ""), "rules": list(one.rules)}
                for name, one in sorted(made.items())
            ]

        return {
            "request_id": self.request,
            "tenant": self.tenant,
            "at_us": self.at_us,
            "hidden": told(self.hidden),
            "shown": told(self.uncovered),
            "host": self.host,
            "host_rules": list(self.host_ruling.rules) if self.host_ruling else [],
            "refused_by": list(self.refused.rules) if self.refused else [],
        }


class PolicyDryRun:
    """Holds one policy against recorded requests."""

    def __init__(
        self, text: str, region: str, values: ConfiguredValues, submitted: SubmittedDocuments
    ) -> None:
        """`region` is where they would be processed; empty: where each was."""
        self._book = rule_book(text)
        self._region = region
        self._values = values
        self._submitted = submitted

    def changed(self, read: RecordedRead, answer: TokensGenerated | None) -> ChangedRequest | None:
        """Say how a request would have gone otherwise; None where it would not."""
        meta = read.event.meta
        about = {"request": meta.request, "tenant": meta.tenant, "at_us": meta.at}
        if refused := self._refused(read):
            return ChangedRequest(**about, refused=refused)  # type: ignore[arg-type]
        documents = read.found | read.shown
        described = descriptions(read, documents, self._submitted)
        made = document_rulings(self._book, read, documents, described)
        hidden = {name: made[name] for name in read.shown if not made[name].allowed}
        uncovered = self._uncovered(read, made, described)
        host, told = self._host(read, answer, described)
        if not (hidden or uncovered or host):
            return None
        uris = {name: described[name].uri for name in (*hidden, *uncovered) if name in described}
        return ChangedRequest(
            **about,  # type: ignore[arg-type]
            hidden=hidden,
            uncovered=uncovered,
            host=host,
            host_ruling=told,
            uris=uris,
        )

    def _refused(self, read: RecordedRead) -> Ruling | None:
        rules = self._book.of("process")
        if rules is None or read.event.outcome == "refused":
            return None
        made = processed(rules, read.event.meta.tenant, self._region or read.region)
        return None if made.allowed else made

    def _uncovered(
        self,
        read: RecordedRead,
        made: Mapping[str, Ruling],
        described: Mapping[str, DescribedDocument],
    ) -> dict[str, Ruling]:
        """List what the policy of then hid, and this one does not."""
        before = self._book_of(read.policy)
        if before is None or before.of("read") is None:
            return {}
        then = document_rulings(before, read, made, described)
        return {name: made[name] for name in made if made[name].allowed and not then[name].allowed}

    def _book_of(self, digest: str) -> RuleBook | None:
        try:
            return rule_book(rules_in(self._values(digest))) if digest else None
        except (LookupError, Permanent):
            return None

    def _host(
        self,
        read: RecordedRead,
        answer: TokensGenerated | None,
        described: Mapping[str, DescribedDocument],
    ) -> tuple[str, Ruling | None]:
        """Name the route whose model answered and would not be asked."""
        rules, decided = self._book.of("send"), answer and answer.answer and answer.answer.route
        if rules is None or answer is None or not decided or not decided.chosen:
            return "", None
        routes = self._routes(answer.meta.step.configuration)
        name = decided.chosen.partition("@")[0]
        route = next((one for one in (routes.routes if routes else ()) if one.name == name), None)
        if routes is None or route is None:
            return "", None
        meta, event = read.event.meta, read.event
        texts = "\n".join([event.question, event.query, *(one.text for one in event.passages)])
        content = "personal" if placeholders_in(texts) else routes.contract(meta.tenant).content
        classes = sorted({class_of(described[one]) for one in read.shown if one in described})
        host = host_entity(route.name, route.provider, route.model, route.regions)
        reader = user_entity(meta.tenant, event.subject, event.ask.groups)
        made = ruling(rules, reader, host, {"class": content, "documents": classes})
        return ("", None) if made.allowed else (name, made)

    def _routes(self, digest: str) -> Routes | None:
        try:
            return routes_of(self._values(digest).get("routes"))
        except (LookupError, Permanent):
            return None


def summed_up(requests: int, changed: Iterable[ChangedRequest]) -> dict[str, Any]:
    """Count what would have changed, with some examples."""
    made = list(changed)
    return {
        "requests": requests,
        "changed": len(made),
        "documents_hidden": sum(len(one.hidden) for one in made),
        "documents_shown": sum(len(one.uncovered) for one in made),
        "hosts_refused": sum(bool(one.host) for one in made),
        "requests_refused": sum(one.refused is not None for one in made),
        "examples": [one.as_json() for one in made[:EXAMPLES_MAX]],
    }
