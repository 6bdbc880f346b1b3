"""What a policy decided about one request: by its records, and document by document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agents.errors import Permanent
from agents.policies.deciding import Ruling
from agents.policies.policy_in_force import rules_in
from agents.policies.rule_book import rule_book
from replay.policies.document_rulings import document_rulings
from replay.policies.policy_dry_run import ConfiguredValues
from replay.policies.recorded_reads import RecordedRead, recorded_read
from schemas import ChunksRetrieved, DescribedDocument, Event, PolicyDecision, TokensGenerated
from streams.log.codec import Codec


@dataclass(frozen=True)
class ExplainedStep:
    """What was decided in one run of a step."""

    step: str
    attempt: int
    region: str
    decisions: tuple[PolicyDecision, ...]
    documents: tuple[tuple[DescribedDocument | None, str, Ruling], ...] = ()
    """Of a retrieval: each document that was found, its id, and what the rules say of it."""
    lacking: str = ""
    """Why documents are not told one by one; empty where they are."""

    def as_json(self) -> dict[str, Any]:
        """Return it for `--json`."""
        return {
            "step": self.step,
            "attempt": self.attempt,
            "region": self.region,
            "decisions": [one.to_avro() for one in self.decisions],
            "documents": [
                {
                    "document": name,
                    "uri": told.uri if told else "",
                    "metadata": dict(told.metadata) if told else {},
                    "groups": list(told.groups) if told else [],
                    "allowed": made.allowed,
                    "rules": list(made.rules),
                }
                for told, name, made in self.documents
            ],
            "lacking": self.lacking,
        }


def explained_steps(
    events: Iterable[Event], codec: Codec, values: ConfiguredValues
) -> list[ExplainedStep]:
    """Find what the policy in force decided, by step and attempt."""
    steps = []
    for event in events:
        if isinstance(event, ChunksRetrieved) and event.policies:
            steps.append(_retrieval(recorded_read(event, codec), values))
        elif isinstance(event, TokensGenerated) and event.answer and event.answer.policies:
            meta = event.meta
            steps.append(ExplainedStep("generate", meta.attempt, "", event.answer.policies))
    return sorted(steps, key=lambda one: (one.step != "retrieve", one.attempt))


def _retrieval(read: RecordedRead, values: ConfiguredValues) -> ExplainedStep:
    event, region = read.event, read.region
    about = "retrieve", event.meta.attempt, region, event.policies
    if all(one.action != "read" for one in event.policies):
        return ExplainedStep(*about)
    try:
        book = rule_book(rules_in(_text_of(values, read.policy)))
        made = document_rulings(book, read, read.found, read.described)
    except (LookupError, Permanent) as error:
        return ExplainedStep(*about, lacking=str(error))
    rows = tuple((read.described.get(name), name, one) for name, one in sorted(made.items()))
    return ExplainedStep(*about, documents=rows)


def _text_of(values: ConfiguredValues, digest: str) -> Mapping[str, Any]:
    return values(digest)
