"""Histories of answers: what the log may hold of one request, rich in kinds."""

from __future__ import annotations

from msgspec import structs

from edge.listening.entries import Entry
from schemas import (
    Ask,
    Cause,
    ChunksRetrieved,
    EventRejected,
    MapEntry,
    QuestionAsked,
    Sealed,
)
from streams.topics import topic_of
from tests.edge.fake_log import Answers, a_citation
from tests.fakes import a_meta

QUESTION = QuestionAsked(
    meta=a_meta(),
    subject="sub",
    text=Sealed(key="user/sub", event="e", field="text", ciphertext=b""),
    ask=Ask(),
)
ANSWERS = Answers(QUESTION)
NAMES = {"<PERSON_1>": "Jane Doe", "<PERSON_2>": "John Roe"}


def an_entry(placeholder="<PERSON_1>"):
    return MapEntry(placeholder=placeholder, kind="PERSON", digest="d", value=QUESTION.text)


def reveal(entries):
    return {entry.placeholder: NAMES[entry.placeholder] for entry in entries}


def entries_of(events):
    """Lay events on the log: each topic has its own offsets."""
    offsets = {}
    entries = []
    for event in events:
        offset = offsets[topic_of(event)] = offsets.get(topic_of(event), -1) + 1
        entries.append(Entry(event, 0, offset, 0))
    return entries


def retrieved(cause=0, attempt=1):
    return ChunksRetrieved(
        meta=ANSWERS.meta("retrieve", cause, attempt=attempt),
        outcome="retrieved",
        subject="sub",
        question="q",
        query="q",
        ask=Ask(),
    )


def rejected(error="Permanent", step="generate", topic="t", of=None, offset=0):
    """A dead letter; `of` names the record that was given up."""
    meta = ANSWERS.meta(step, 0)
    if of is not None:
        cause = Cause(topic=topic, partition=0, offset=offset, id=of.meta.id)
        meta = structs.replace(meta, cause=cause)
    return EventRejected(
        meta=meta,
        topic=topic,
        partition=0,
        offset=0,
        step=step,
        error=error,
        message="m",
        attempts=5,
    )


tokens, released, retracted = ANSWERS.tokens, ANSWERS.released, ANSWERS.retracted
VAT = [tokens("VAT ", 0), tokens("is due.", 1)]
WHOLE = [*VAT, released("VAT is due.", 1, citations=(a_citation(),))]
NAMED = (an_entry(),)
RESTARTED = [
    tokens("wrong ", 0, entries=NAMED),
    tokens("and more <PER", 1),
    tokens("SON_1>", 2),
    tokens("right ", 5, restart=True),
    tokens("<PERSON_1> ans", 6),
    tokens("wer <", 7),
    released("right <PERSON_1> answer <", 7),
    retracted("no", 7),
]

HISTORIES = {
    "nothing": [],
    "whole": [retrieved(), *WHOLE],
    "empty": [released("", 0)],
    "retrieved twice": [retrieved(), retrieved(), retrieved(attempt=2), retrieved(1)],
    "closed early": [VAT[0], WHOLE[-1], VAT[1]],
    "closed without its text": [VAT[0], WHOLE[-1]],
    "closed twice": [*WHOLE, released("VAT is due.", 1), retracted("no", 1), retracted("no", 1)],
    "repeated": [VAT[0], VAT[0], VAT[1], VAT[0], WHOLE[-1], WHOLE[-1]],
    "later attempt, same text": [VAT[0], tokens("VAT ", 0, attempt=2), released("VAT ", 0)],
    "later attempt, other text": [
        VAT[0],
        tokens("was ", 1),
        tokens("is due.", 1, attempt=2),
        tokens("was ", 1),
        released("VAT is due.", 1),
    ],
    "later attempt after the end": [*WHOLE, tokens("was due.", 1, attempt=2)],
    "restarted": RESTARTED,
    "restarted after the end": [*WHOLE, tokens("No.", 5, restart=True), released("No.", 5)],
    "restarted before anything": [tokens("a", 0, restart=True), released("a", 0)],
    "late text of what is void": [
        VAT[0],
        tokens("No", 5, restart=True),
        VAT[1],
        released("VAT is due.", 1),
        retracted("of what is void", 1),
        released("No", 5),
    ],
    "waiting while it restarts": [
        VAT[0],
        WHOLE[-1],
        tokens("No", 5, restart=True),
        released("No", 5),
    ],
    "retracted at once": [VAT[0], retracted("no", 0), VAT[1], WHOLE[-1]],
    "retracted, then more": [*VAT, retracted("no", 0), tokens("more", 2), released("x", 2)],
    "retracted, then anew": [*VAT, retracted("no", 1), tokens("Yes", 5, restart=True)],
    "retracted while it waits": [VAT[0], WHOLE[-1], retracted("no", 1), VAT[1]],
    "a step gave up": [VAT[0], rejected("Transient"), rejected()],
    "a step gave up after the end": [*WHOLE, rejected()],
    "sent back after it gave up": [rejected(), VAT[0], VAT[1], retracted("no", 0)],
    "gave up while it waits": [WHOLE[-1], rejected(), *VAT],
    "anew after it gave up": [rejected(), tokens("Yes", 5, restart=True), released("Yes", 5)],
    "names that are split": [
        tokens("Ask <PERS", 0, entries=NAMED),
        tokens("ON_1> or <", 1),
        tokens("_KIND_2> <PERSON_9>", 2, entries=(an_entry("<PERSON_2>"),)),
        released("Ask <PERSON_1> or <_KIND_2> <PERSON_9>", 2),
    ],
    "half a name at the end": [tokens("a <PERS", 0), released("a <PERS", 0)],
    "names numbered anew": [
        tokens("Ask <PERSON_1>", 0, entries=NAMED),
        tokens("<PERSON_2>, <PERSON_1>", 5, restart=True, entries=(an_entry("<PERSON_2>"),)),
    ],
}
