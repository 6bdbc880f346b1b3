"""What each step remembers: documents, placeholders, turns of a session, released text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from agents.conversation.summary import summarised
from schemas import (
    AnswerReleased,
    ChunksCut,
    DocumentState,
    Event,
    Placeholders,
    ReadDocument,
    ReadPlaceholders,
    ReadRelease,
    ReadTurns,
    ReleaseState,
    Request,
    SessionForked,
    TableRow,
    Turns,
    WriteDocument,
    WritePlaceholders,
    WriteRelease,
    Written,
)
from streams.delivery.answered_turns import makes_turn, turn_of
from streams.delivery.faust_shell import App
from streams.delivery.rows import RowKey, before, written
from streams.delivery.tables import Person, Table
from streams.running.world import Call, Handler
from streams.settings import Settings
from streams.topics import topic_of

RELEASES_MAX = 4
"""Values kept of an answer's moderation: each holds all text so far; only the last is needed."""
ANSWERS_MAX = 4_000
"""Answers of a lane whose moderation is remembered; older ones ended long ago."""


_ORIGIN = re.compile(rb"fork:([^/;]{1,63})/([^/;]{1,256});")
ORIGINS_MAX = 64
"""People that a row may rest on."""


def _spelt_origin(fork: SessionForked) -> str:
    """Spell whose conversations a fork rests on, as its row says it."""
    origin = fork.origin
    people = dict.fromkeys((f"{origin.tenant}/{origin.subject}", *fork.people))
    return "".join(f"fork:{one};" for one in list(people)[:ORIGINS_MAX])


class DocumentVersions(Table):
    """The newest version of each document."""

    NAME = "documents"

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer ReadDocument and WriteDocument."""
        return {ReadDocument: self.read, WriteDocument: self.write}

    async def read(self, request: ReadDocument, call: Call) -> DocumentState:
        """Return the newest version before this event."""
        entries = before(
            await self._row(RowKey(call.lane, call.tenant, request.document)), call.event
        )
        return await self._decoded(entries[-1].value, DocumentState) if entries else NO_DOCUMENT

    async def write(self, request: WriteDocument, call: Call) -> Written:
        """Remember the version that this event made."""
        place = RowKey(call.lane, call.tenant, request.document)
        return await self._write(place, call.event, request.state, call.topic, call.offset)


class PlaceholderNumbers(Table):
    """The placeholders in use in each session and document."""

    NAME = "placeholders"

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer ReadPlaceholders and WritePlaceholders."""
        return {ReadPlaceholders: self.read, WritePlaceholders: self.write}

    async def read(self, request: ReadPlaceholders, call: Call) -> Placeholders:
        """Return those in use before this event."""
        entries = before(await self._row(_scope_of(request, call)), call.event)
        if not entries:
            return Placeholders(entries=())
        return await self._decoded(entries[-1].value, Placeholders)

    async def write(self, request: WritePlaceholders, call: Call) -> Written:
        """Remember those in use after this event."""
        place = _scope_of(request, call)
        return await self._write(place, call.event, request.state, call.topic, call.offset)

    async def number(self, forked: Event, offset: int = -1) -> None:
        """Begin a fork with the placeholders of its origin, unless it has some.

        Raises Transient.
        """
        assert isinstance(forked, SessionForked)
        meta = forked.meta
        place = RowKey.of_conversation(meta.lane, meta.tenant, forked.subject, meta.session)
        row = await self._row(place)
        if forked.placeholders and not (row and row.entries):
            state = Placeholders(entries=forked.placeholders)
            await self._write(place, meta.id, state, FORKS, offset)


def _scope_of(request: ReadPlaceholders | WritePlaceholders, call: Call) -> RowKey:
    """Return whose placeholders are meant: a document's, or those of a user's conversation.

    The input's topic says which: an asker who calls a session like a document has one of their own.
    """
    if call.topic == CHUNKS:
        return RowKey(call.lane, call.tenant, request.scope)
    return RowKey.of_conversation(call.lane, call.tenant, call.subject, request.scope)


class Sessions(Table):
    """The recent turns of each session of a user; released answers are folded into it.

    Each turn's value holds a summary of those before it, those that the row has dropped included.
    A fork begins with turns of another conversation, and each value of it says of whose.
    """

    NAME = "sessions"
    BY_OFFSET = True

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer ReadTurns."""
        return {ReadTurns: self.read}

    async def read(self, request: ReadTurns, call: Call) -> Turns:
        """Return the newest turns before this request, oldest first."""
        place = RowKey.of_conversation(call.lane, call.tenant, call.subject, call.session)
        row = await self._row(place)
        remembered: list[Turns] = []
        for entry in row.entries if row is not None else ():
            value = await self._decoded(entry.value, Turns)
            if value.turns[0].request == call.request:
                break
            remembered.append(value)
        wanted = remembered[-request.limit :] if request.limit > 0 else []
        if not wanted:
            return Turns()
        turns = tuple(turn for value in wanted for turn in value.turns)
        return Turns(turns=turns, summary=wanted[0].summary)

    async def remember(self, released: Event, offset: int = -1) -> None:
        """Enter a released answer, which lies at an offset of its topic (-1: of none), as a turn.

        Raises Transient.
        """
        assert isinstance(released, AnswerReleased)
        meta = released.meta
        if not makes_turn(released):
            return
        place = RowKey.of_conversation(meta.lane, meta.tenant, released.subject, meta.session)
        last = await self._before(place, meta.id, offset)
        value = Turns(
            turns=(turn_of(released),),
            summary=None if last is None else summarised(last.summary, last.turns[0]),
            origin="" if last is None else last.origin,
        )
        await self._write(place, meta.id, value, ANSWERS, offset)

    async def _before(self, place: RowKey, event: str, offset: int) -> Turns | None:
        """Return the turn before one that lies at an offset; None for a conversation's first.

        Those that a fork begins with come before all of its own.
        """
        entries = [
            entry
            for entry in before(await self._row(place), event)
            if offset < 0 or entry.offset < offset or CARRIED in entry.event
        ]
        return await self._decoded(entries[-1].value, Turns) if entries else None

    async def carry(self, forked: Event, offset: int = -1) -> None:
        """Begin a fork with the turns of its origin; the first fork of a session counts.

        They stand before what is said in the fork, whenever they are entered: an import enters the
        answers and the forks of a lane side by side. Raises Transient.
        """
        assert isinstance(forked, SessionForked)
        meta = forked.meta
        place = RowKey.of_conversation(meta.lane, meta.tenant, forked.subject, meta.session)
        row = await self._row(place)
        said = row.entries if row is not None else ()
        if not forked.turns or any(CARRIED in entry.event for entry in said):
            return
        log, offset = self._place_of(meta.lane, FORKS, offset)
        summary, origin, begun = forked.summary, _spelt_origin(forked), TableRow(entries=())
        for number, turn in enumerate(forked.turns):
            value = Turns(turns=(turn,), summary=summary, origin=origin)
            event, made = f"{meta.id}{CARRIED}{number}", self._codec.encode(value)
            begun = written(begun, event, made, self.ENTRIES, log=log, offset=offset)
            summary = summarised(summary, turn)
        for entry in said:
            later = replace(await self._decoded(entry.value, Turns), origin=origin)
            begun = written(
                begun,
                entry.event,
                self._codec.encode(later),
                self.ENTRIES,
                log=entry.log,
                offset=entry.offset,
            )
        await self._put(place, self._codec.encode(begun))

    def _origins_in(self, row: bytes) -> frozenset[Person]:
        return frozenset(
            (tenant.decode("utf-8", "replace"), subject.decode("utf-8", "replace"))
            for tenant, subject in _ORIGIN.findall(row)
        )


class Releases(Table):
    """How far the moderation of each answer has come."""

    NAME = "releases"
    ENTRIES = RELEASES_MAX
    ROWS_MAX = ANSWERS_MAX

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Answer ReadRelease and WriteRelease."""
        return {ReadRelease: self.read, WriteRelease: self.write}

    async def read(self, request: ReadRelease, call: Call) -> ReleaseState:
        """Return how far it had come before a batch.

        States of the same or later batches are those of an attempt that this one supersedes.
        """
        row = await self._row(RowKey(call.lane, call.tenant, call.request))
        for entry in reversed(before(row, call.event)):
            state = await self._decoded(entry.value, ReleaseState)
            if state.batch < request.batch:
                return state
        return NOT_BEGUN

    async def write(self, request: WriteRelease, call: Call) -> Written:
        """Remember how far it has come after a batch."""
        place = RowKey(call.lane, call.tenant, call.request)
        return await self._write(place, call.event, request.state, call.topic, call.offset)


CHUNKS = topic_of(ChunksCut)
ANSWERS = topic_of(AnswerReleased)
FORKS = topic_of(SessionForked)
CARRIED = "/carried/"
"""In the name of an entry: a turn that a fork begins with. No id of an answer has it."""
NO_DOCUMENT = DocumentState()
NOT_BEGUN = ReleaseState()

TABLES: Mapping[str, Callable[[App, Settings], Table]] = {
    table.NAME: table for table in (DocumentVersions, PlaceholderNumbers, Sessions, Releases)
}
