"""What the edge remembers of requests: whose each is, and when it was taken in.

It lies in the index of the log (`log_index`): a file that is made of the log, and may be lost. What
the file has is not in memory, so requests do not make the process grow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge.listening.entries import Entry
from edge.listening.log_index import LogIndex
from edge.listening.unwritten_rows import UnwrittenRows
from edge.requests.identity import Identity, Whose
from schemas import DocumentSubmitted, DocumentWithdrawn, QuestionAsked

RequestEvent = QuestionAsked | DocumentSubmitted | DocumentWithdrawn


@dataclass(frozen=True)
class KnownRequest(Identity):
    """A request that is on the log."""

    time_ms: int
    """When the broker had it: nothing of it lies before."""
    deadline_us: int = 0
    trace: str = ""
    offset: int = -1
    """Where its record lies in its lane; -1 where that is not known."""
    mode: str = ""
    """Of a question: an answer, or a search."""
    key: str = ""
    """Of a question: what it came by, as its record says; empty where that says nothing."""


class KnownRequests:
    """Requests, by tenant and id; those that were not written yet are in memory.

    Lives on the event loop, but for what the index's writer calls.
    """

    def __init__(self, index: LogIndex) -> None:
        self._index = index
        self._own: dict[Whose, KnownRequest] = {}
        """What this process put on the log, until the log's reader comes to it."""
        self._unwritten: UnwrittenRows[Whose, KnownRequest] = UnwrittenRows("first")
        self._written = index.count("requests")
        index.keep(self)

    def take(self, entry: Entry) -> None:
        """Learn from an entry of the log; entries of other kinds say nothing here.

        The first record with an id wins.
        """
        if not isinstance(entry.event, RequestEvent):
            return
        request = known_from(entry.event, entry.time_ms, entry.offset)
        self._unwritten.put(request.whose, request)
        self._own.pop(request.whose, None)

    def learn(self, entry: Entry) -> None:
        """Learn of a request that this process put on the log, before its reader comes to it."""
        if isinstance(entry.event, RequestEvent) and self.find(entry.whose) is None:
            self._own[entry.whose] = known_from(entry.event, entry.time_ms, entry.offset)

    def find(self, whose: Whose) -> KnownRequest | None:
        """Return a request of a tenant."""
        unwritten = self._unwritten.look()
        row = self._index.row(FIND_REQUEST, (_digest_of(whose),))
        if row is not None and (row[1], row[0]) == whose:
            return KnownRequest(*row)
        return unwritten.find(whose) or self._own.get(whose)

    def newest(
        self, tenant: str, subject: str, most: int, session: str | None = None
    ) -> list[KnownRequest]:
        """Return a user's newest questions, the newest first: of one conversation, or of all.

        Searches are none of them.
        """
        whose = (tenant, subject) if session is None else (tenant, subject, session)
        return self._newest(
            NEWEST if session is None else NEWEST_OF_SESSION,
            (*whose, most),
            lambda one: (
                (one.tenant, one.subject, one.mode) == (tenant, subject, "answer")
                and session in (None, one.session)
            ),
        )

    def about(self, tenant: str, document: str, most: int) -> list[KnownRequest]:
        """Return a document's newest requests, the newest first: nobody is their subject."""
        return self._newest(
            ABOUT_DOCUMENT,
            (tenant, document, most),
            lambda one: (one.tenant, one.subject, one.session) == (tenant, "", document),
        )

    def _newest(
        self, statement: str, values: tuple[Any, ...], is_one: Callable[[KnownRequest], bool]
    ) -> list[KnownRequest]:
        """Return what a statement finds and what is not written yet; the last value is how many."""
        in_memory = {**self._own, **self._unwritten.look().all()}
        found = {
            one.request: one
            for one in in_memory.values()
            if is_one(one) and self.find(one.whose) == one  # the first record with an id wins
        }
        for row in self._index.rows(statement, values):
            found[row[0]] = KnownRequest(*row)
        newest = sorted(found.values(), key=lambda one: (one.time_ms, one.offset), reverse=True)
        return newest[: values[-1]]

    def unwritten_of(self, tenant: str) -> list[KnownRequest]:
        """List a tenant's requests that the index may not have yet, in no order.

        Whoever asks the index as well asks it after this: what is written between is in both.
        """
        found = {**self._own, **self._unwritten.look().all()}
        return [one for one in found.values() if one.tenant == tenant]

    def __len__(self) -> int:
        return self._written + len(self._unwritten)

    # ------------------------------------------------------------------ what the index writes

    @property
    def unwritten(self) -> int:
        """How many rows wait to be written."""
        return len(self._unwritten)

    def to_write(self) -> list[tuple[str, list[tuple[Any, ...]]]]:
        """Return the rows of what was learnt since the last call."""
        rows = self._unwritten.to_write(lambda whose, one: (_digest_of(whose), *_row_of(one)))
        return [(ADD_REQUEST, rows)]

    def written(self) -> None:
        """Let go of what is in the file now."""
        self._written += self._unwritten.written()

    def not_written(self) -> None:
        """Keep what could not be written."""
        self._unwritten.not_written()

    def forget(self) -> None:
        """Forget what the log told, for it is read again."""
        self._unwritten.forget()
        self._written = 0


def known_from(event: RequestEvent, time_ms: int, offset: int = -1) -> KnownRequest:
    """Return what is remembered of a request, by when the broker had it and where."""
    question = event if isinstance(event, QuestionAsked) else None
    return KnownRequest(
        request=event.meta.request,
        tenant=event.meta.tenant,
        subject=question.subject if question else "",
        session=event.meta.session,
        lane=event.meta.lane,
        time_ms=time_ms,
        deadline_us=question.ask.deadline if question else 0,
        trace=event.meta.trace,
        offset=offset,
        mode=question.ask.mode if question else "",
        key=question.key if question else "",
    )


# ---------------------------------------------------------------------- rows of the index

_REQUEST = (
    "SELECT request, tenant, subject, session, lane, time_ms, deadline_us, trace, offset, mode, "
    "key FROM requests "
)
FIND_REQUEST = f"{_REQUEST}WHERE digest = ?"
_ASKED = f"{_REQUEST}WHERE mode = 'answer' AND tenant = ? AND subject = ? "
NEWEST = f"{_ASKED}ORDER BY time_ms DESC LIMIT ?"
NEWEST_OF_SESSION = f"{_ASKED}AND session = ? ORDER BY time_ms DESC LIMIT ?"
ABOUT_DOCUMENT = (
    f"{_REQUEST}WHERE tenant = ? AND subject = '' AND session = ? ORDER BY time_ms DESC LIMIT ?"
)
ADD_REQUEST = "INSERT OR IGNORE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def _digest_of(whose: Whose) -> bytes:
    """Return what a request is looked up by; who it is found for is compared all the same."""
    tenant, request = (name.encode("utf-8", "surrogatepass") for name in whose)
    return hashlib.blake2b(b"%d %b%b" % (len(tenant), tenant, request), digest_size=16).digest()


def _row_of(one: KnownRequest) -> tuple[Any, ...]:
    named = one.tenant, one.request, one.subject, one.session
    return *named, one.lane, one.time_ms, one.deadline_us, one.trace, one.offset, one.mode, one.key
