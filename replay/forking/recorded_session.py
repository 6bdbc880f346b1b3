"""What a conversation had come to at one of its requests, worked out from the log.

What *rewrite* and *redact* knew of it then lies in their tables, and these hold no more than the
newest. So it is folded again from the same records, in the same way, up to that request: turns and
their summary from the answers, placeholders from the redacted questions.

Why it is so: what is carried leaves its tenant. Texts are redacted on the log, so they go; values
behind placeholders, and the keyed digests that tell two of them alike, stay, unless the fork is the
same tenant's and they are asked for. An answer that was retracted is not carried on: its question
is. What is carried is signed anew, so nothing is carried that the steps would not have believed.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from agents.conversation.summary import summarised
from replay.log import Log, Stored
from replay.one_request import records_of
from replay.proved_records import ProvedRecords
from schemas import (
    AnswerReleased,
    AnswerRetracted,
    Event,
    Numbered,
    Placeholders,
    QuestionAsked,
    QuestionRedacted,
    ReadPlaceholders,
    SessionForked,
    SessionOrigin,
    SessionSummary,
    Turn,
    Turns,
)
from streams.delivery.answered_turns import makes_turn, turn_of
from streams.delivery.rows import ROW_BYTES_MAX
from streams.delivery.tables import ENTRIES_MAX
from streams.log.codec import Codec
from streams.topics import topic_of

EventT = TypeVar("EventT", bound=Event)


class SessionName(NamedTuple):
    """Whose conversation, what it is called, and where its records lie."""

    tenant: str
    subject: str
    session: str
    lane: int


@dataclass(frozen=True)
class CarriedSession:
    """What a fork begins with."""

    origin: SessionOrigin
    turns: tuple[Turn, ...] = ()
    """Oldest first; as many as a row of *rewrite* holds."""
    summary: SessionSummary | None = None
    """Of the turns before these."""
    placeholders: tuple[Numbered, ...] = ()
    people: tuple[str, ...] = ()
    """Tenant/subject of everybody on whose conversations it rests."""
    retracted: int = 0
    """Turns whose answers were left out, since they were retracted."""

    def without_values(self) -> CarriedSession:
        """Return it with placeholders that stand for nothing any more."""
        return dataclasses.replace(
            self,
            turns=tuple(replace(turn, entries=()) for turn in self.turns),
            summary=self.summary and replace(self.summary, entries=()),
            placeholders=tuple(replace(one, digest="") for one in self.placeholders),
        )


def session_at(
    log: Log,
    codec: Codec,
    request: str,
    *,
    tenant: str | None = None,
    before: bool = False,
    archive: str = "",
) -> CarriedSession:
    """Work out what a conversation had come to with the answer to a request, or `before` it.

    `tenant` says whose request it must be, `archive` names the log by its digest. Raises
    LookupError where there is no such question, or no answer to it.
    """
    proved = ProvedRecords(log, codec)
    of_request = records_of(log, codec, request)
    asked_at, asked = _asked(proved, of_request, request, tenant)
    name = SessionName(asked.meta.tenant, asked.subject, asked.meta.session, asked_at.partition)
    said = _Said.up_to(proved, name, asked)
    if said.answered_at is None and not before:
        raise LookupError(
            f"request {request} has no answer on this log: it was rejected, or is under way. "
            "--before goes on from what was said before it"
        )
    end = asked_at if before or said.answered_at is None else said.answered_at
    fork = next((event for _, event in _of_session(proved, SessionForked, name)), None)
    carried = fork.turns if fork is not None else ()
    since = said.turns(without=request if before else "")
    turns, summary = _newest(codec, chain(carried, since), fork.summary if fork else None)
    steps = {
        event.meta.step.name: event.meta.step.configuration
        for _, event in of_request
        if event.meta.tenant == name.tenant and event.meta.step.configuration
    }
    origin = SessionOrigin(
        tenant=name.tenant,
        subject=name.subject,
        session=name.session,
        request=request,
        before=before,
        topic=end.topic,
        partition=end.partition,
        offset=end.offset,
        archive=archive,
        configurations=dict(sorted(steps.items())),
    )
    return CarriedSession(
        origin,
        turns,
        summary,
        _placeholders(proved, name, asked, fork, before=before),
        (f"{name.tenant}/{name.subject}", *(fork.people if fork is not None else ())),
        sum(turn.request in said.retracted for turn in turns),
    )


def begun_with(proved: ProvedRecords, name: SessionName) -> Iterator[Event]:
    """Read by what a conversation may have begun: its forks, then its questions."""
    yield from (event for _, event in _of_session(proved, SessionForked, name))
    yield from (event for _, event in _of_session(proved, QuestionAsked, name))


def _asked(
    proved: ProvedRecords,
    records: Sequence[tuple[Stored, Event]],
    request: str,
    tenant: str | None,
) -> tuple[Stored, QuestionAsked]:
    """Find the question; who writes a record chooses its id, so its tenant may have to be told."""
    admitted = ((stored, proved.admitted(QuestionAsked, stored)) for stored, _ in records)
    questions = [(stored, event) for stored, event in admitted if event is not None]
    if not questions:
        raise LookupError(f"request {request} is no question of a conversation that is on this log")
    wanted = [one for one in questions if tenant in {None, one[1].meta.tenant}]
    if not wanted:
        raise LookupError(f"request {request} is none of tenant {tenant}")
    if len(tenants := sorted({event.meta.tenant for _, event in wanted})) > 1:
        raise LookupError(
            f"{' and '.join(tenants)} have a request {request}: say with --tenant whose is meant"
        )
    return wanted[0]


@dataclass
class _Said:
    """The answers of a conversation up to one of them, as the fold of *rewrite* takes them in."""

    answered_at: Stored | None = None
    """Where the last one lies; None where the question has no answer."""
    answers: dict[str, Turn] = field(default_factory=dict)
    """By id, in the order in which they were released; a copy is none more."""
    retracted: set[str] = field(default_factory=set)
    """Requests whose answers were retracted, whenever."""

    @classmethod
    def up_to(cls, proved: ProvedRecords, name: SessionName, asked: QuestionAsked) -> _Said:
        """Read up to the answer to a question; without one, what was released before it."""
        said, before = cls(), dict[str, Turn]()
        said.retracted.update(
            event.meta.request for _, event in _of_session(proved, AnswerRetracted, name)
        )
        for stored, event in _of_session(proved, AnswerReleased, name):
            if makes_turn(event):
                said.answers[event.meta.id] = turn_of(event)
                if event.meta.at <= asked.meta.at:
                    before[event.meta.id] = turn_of(event)
            if event.meta.request == asked.meta.request:
                said.answered_at = stored
                return said
        said.answers = before
        return said

    def turns(self, without: str) -> Iterator[Turn]:
        """Return the turns that were made, but for that of a request."""
        for turn in self.answers.values():
            if turn.request != without:
                yield replace(turn, answer="") if turn.request in self.retracted else turn


def _newest(
    codec: Codec, turns: Iterable[Turn], summary: SessionSummary | None
) -> tuple[tuple[Turn, ...], SessionSummary | None]:
    """Return as many turns as a row holds, and the summary of those before them.

    `summary` is that of the turns before the first.
    """
    kept: deque[tuple[Turn, SessionSummary | None, int]] = deque()
    size = 0
    for turn in turns:
        size += len(codec.encode(Turns(turns=(turn,), summary=summary)))
        kept.append((turn, summary, size))
        summary = summarised(summary, turn)
        while len(kept) > ENTRIES_MAX or (len(kept) > 1 and size - kept[0][2] > ROW_BYTES_MAX):
            kept.popleft()
    return tuple(turn for turn, _, _ in kept), kept[0][1] if kept else summary


def _placeholders(
    proved: ProvedRecords,
    name: SessionName,
    asked: QuestionAsked,
    fork: SessionForked | None,
    *,
    before: bool,
) -> tuple[Numbered, ...]:
    """Return the placeholders in use after a question was redacted, or before.

    Each run tells what was in use before it, and its outcome what it mentions: what is new of that
    came into use with it. A refused question is no run that tells either.
    """
    known = fork.placeholders if fork is not None else ()
    for _, event in _of_session(proved, QuestionRedacted, name):
        own = event.meta.request == asked.meta.request
        read = _read(proved.codec, event)
        if read is not None:
            known = read
            if not (own and before):
                told = {one.placeholder for one in known}
                known += tuple(
                    Numbered(placeholder=one.placeholder, kind=one.kind, digest=one.digest)
                    for one in event.entries
                    if one.placeholder not in told
                )
        if own:
            break
    return known


def _read(codec: Codec, event: QuestionRedacted) -> tuple[Numbered, ...] | None:
    """Return the placeholders that a run was told of; None where it asked for none."""
    for effect in event.meta.effects:
        if effect.kind == ReadPlaceholders.SCHEMA and not effect.error:
            return codec.decode(effect.response, Placeholders).entries
    return None


def _of_session(
    proved: ProvedRecords, kind: type[EventT], name: SessionName
) -> Iterator[tuple[Stored, EventT]]:
    """Read the records of a type in a conversation, by the gates of the steps."""
    topic = topic_of(kind)
    if (topic, name.lane) not in proved.log.extents():
        return
    needle = name.session.encode()
    whose = name.tenant, name.session
    for stored in proved.log.records(topic, name.lane):
        if stored.value is None or needle not in stored.value:
            continue
        event = proved.admitted(kind, stored)
        if event is None:
            continue
        meta = event.meta
        # who retracts an answer does not say whose it was
        subject = getattr(event, "subject", name.subject)
        if (meta.tenant, meta.session) == whose and subject == name.subject:
            yield stored, event
