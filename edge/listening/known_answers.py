"""Known answers: which requests were answered by a text, and which cite a document.

Of an answer the index keeps the digest of its text and the documents that it cites, no word of it.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

from edge.listening.entries import Entry
from edge.listening.log_index import LogIndex
from edge.listening.unwritten_rows import UnwrittenRows
from schemas import AnswerReleased

SAME_TEXT_MAX = 1_000
"""Requests with one answer that are looked through: many are told that nothing was found."""


class AnswerKnown(NamedTuple):
    """What is kept of an answer."""

    tenant: str
    request: str
    digest: bytes
    """SHA-256 of the text as it was released."""
    documents: tuple[str, ...]
    time_ms: int
    """When the broker had it."""


class CitingAnswer(NamedTuple):
    """An answer that cites a document; the newest is the largest."""

    time_ms: int
    request: str


class KnownAnswers:
    """Answers by digest and by document; those that were not written yet are in memory.

    Lives on the event loop, but for what the index's writer calls.
    """

    def __init__(self, index: LogIndex) -> None:
        self._index = index
        self._unwritten: UnwrittenRows[AnswerKnown, AnswerKnown] = UnwrittenRows("first")
        index.keep(self)

    def take(self, entry: Entry) -> None:
        """Learn from an entry of the log; entries of other kinds say nothing here."""
        event = entry.event
        if not isinstance(event, AnswerReleased):
            return
        documents = tuple(sorted({one.document for one in event.answer.citations}))
        digest = hashlib.sha256(event.text.encode()).digest()
        answer = AnswerKnown(*entry.whose, digest, documents, entry.time_ms)
        self._unwritten.put(answer, answer)

    def with_text(self, tenant: str, digest: bytes) -> list[str]:
        """Return the requests of a tenant that were answered by a text.

        More than SAME_TEXT_MAX where there are so many: then not all of them.
        """
        unwritten = [one for one in self._unwritten_of(tenant) if one.digest == digest]
        rows = self._index.rows(WITH_TEXT, (tenant, digest, SAME_TEXT_MAX + 1))
        return sorted({*(one.request for one in unwritten), *(row[0] for row in rows)})

    def citing(
        self, tenant: str, document: str, most: int, before: CitingAnswer
    ) -> list[CitingAnswer]:
        """Return the newest answers before one that cite a document, the newest first."""
        unwritten = [
            CitingAnswer(one.time_ms, one.request)
            for one in self._unwritten_of(tenant)
            if document in one.documents
        ]
        rows = self._index.rows(CITING, (tenant, document, *before, most))
        found = {one for one in unwritten if one < before} | {CitingAnswer(*row) for row in rows}
        return sorted(found, reverse=True)[:most]

    def _unwritten_of(self, tenant: str) -> list[AnswerKnown]:
        return [one for one in self._unwritten.look().all() if one.tenant == tenant]

    # ------------------------------------------------------------------ what the index writes

    @property
    def unwritten(self) -> int:
        """How many rows wait to be written."""
        return len(self._unwritten)

    def to_write(self) -> list[tuple[str, list[tuple[Any, ...]]]]:
        """Return the rows of what was learnt since the last call."""
        found = [AnswerKnown(*row) for row in self._unwritten.to_write(lambda one, _: one)]
        answers = [(one.tenant, one.digest, one.request) for one in found]
        citing = [
            (one.tenant, document, one.time_ms, one.request)
            for one in found
            for document in one.documents
        ]
        return [(ADD_ANSWER, answers), (ADD_CITING, citing)]

    def written(self) -> None:
        """Let go of what is in the file now."""
        self._unwritten.written()

    def not_written(self) -> None:
        """Keep what could not be written."""
        self._unwritten.not_written()

    def forget(self) -> None:
        """Forget what the log told, for it is read again."""
        self._unwritten.forget()


ADD_ANSWER = "INSERT OR IGNORE INTO answers VALUES (?, ?, ?)"
ADD_CITING = "INSERT OR IGNORE INTO citing VALUES (?, ?, ?, ?)"
WITH_TEXT = "SELECT request FROM answers WHERE tenant = ? AND digest = ? LIMIT ?"
CITING = (
    "SELECT time_ms, request FROM citing WHERE tenant = ? AND document = ? "
    "AND (time_ms, request) < (?, ?) ORDER BY time_ms DESC, request DESC LIMIT ?"
)
