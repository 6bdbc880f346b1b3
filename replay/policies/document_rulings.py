"""Decisions about documents of a recorded request, by any policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agents.policies.asking_rules import rulings
from agents.policies.deciding import UNKNOWN, Ruling
from agents.policies.policy_entities import document_entity, user_entity
from agents.policies.rule_book import RuleBook
from replay.policies.recorded_reads import RecordedRead, SubmittedDocuments
from schemas import DescribedDocument


def descriptions(
    read: RecordedRead, documents: Iterable[str], submitted: SubmittedDocuments
) -> dict[str, DescribedDocument]:
    """Describe documents: as the index did then, else as they were handed in by then."""
    meta = read.event.meta
    told = {
        name: read.described.get(name) or submitted.at(meta.tenant, name, meta.at)
        for name in sorted(documents)
    }
    return {name: one for name, one in told.items() if one is not None}


def document_rulings(
    book: RuleBook,
    read: RecordedRead,
    documents: Iterable[str],
    described: Mapping[str, DescribedDocument],
) -> dict[str, Ruling]:
    """Decide who may read which of some documents; all are allowed where no rule speaks of it."""
    rules, names = book.of("read"), sorted(documents)
    if rules is None:
        return {name: Ruling(True, ()) for name in names}
    meta, ask = read.event.meta, read.event.ask
    reader = user_entity(meta.tenant, read.event.subject, ask.groups)
    known = [name for name in names if name in described]
    things = [document_entity(meta.tenant, described[name]) for name in known]
    made = [one for one in rulings(rules, reader, things, {"mode": ask.mode}) if one is not None]
    decided = dict(zip(known, made, strict=True))
    return {name: decided.get(name, Ruling(False, (UNKNOWN,))) for name in names}
