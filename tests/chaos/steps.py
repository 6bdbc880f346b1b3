"""The trivial steps under fire: what each kind of request meets in them, and what the judge has to know of their records.

What a request says of itself decides what happens to it (`bench.trivial_steps`): it is one of ORDINARY, or POISON that
some step can't digest. The steps number a session's questions and a document's versions from tables, so a table that
lost a row, or was written twice over one event, shows in the records (`tally`, `contradiction`).
"""

import re

from agents.errors import Permanent
from bench.trivial_steps import AskingSteps
from schemas import (
    AnswerReleased,
    AnswerRetracted,
    ChunksCut,
    ChunksIndexed,
    Event,
    EventRejected,
    QuestionRedacted,
)
from streams.topics import Step


class Streamed:
    """Subjects whose answers come in parts: those that ask through the gateway are keyed digests."""

    NAMED = frozenset({"answer", "poison generate", "bug moderate"})
    DIGEST = re.compile(r"[0-9a-f]{64}")

    def __contains__(self, subject: object) -> bool:
        return subject in self.NAMED or bool(self.DIGEST.fullmatch(str(subject)))


ORDINARY_QUESTIONS = ("hop", "answer", "slow")
POISON_QUESTIONS = (
    "poison redact",
    "bug rewrite",
    "poison retrieve",
    "late retrieve",
    "poison generate",
    "bug moderate",
)
ORDINARY_DOCUMENTS = ("plain", "slow")
POISON_DOCUMENTS = ("poison ingest", "bug redact", "poison embed", "poison index")


def spoil(name: str, what: str) -> None:
    """Raise what a poisoned request raises in this step; a document's does so with its last batch."""
    if what == f"poison {name}":
        raise Permanent(f"{name} refuses this request")
    if what == f"bug {name}":
        raise ZeroDivisionError(f"division of {what}")


def chain() -> list[Step]:
    """Return all steps, in the order of the flow."""
    return AskingSteps(spoil, Streamed()).steps()


ENDS = (ChunksIndexed, AnswerReleased, AnswerRetracted, EventRejected)


def is_end(event: Event) -> bool:
    """Whether a requester waits for nothing more after this record."""
    return isinstance(event, ENDS) and (not isinstance(event, ChunksIndexed) or event.batch.last)


def tally(event: Event) -> int:
    """Return the number that a record has in its session, from 1; 0 where it has none."""
    if isinstance(event, QuestionRedacted):
        return int(event.text)
    if isinstance(event, ChunksCut) and event.batch.number == 0:
        return event.document.version
    return 0


def contradiction(event: Event) -> str:
    """Say what in a record can't be; empty where nothing is wrong."""
    if isinstance(event, AnswerReleased) and event.text != event.answer.text:
        return f"releases {event.text!r} of the answer {event.answer.text!r}"
    return ""
