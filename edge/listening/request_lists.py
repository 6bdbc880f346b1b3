"""Lists of requests: a reader's conversations, what was asked in one, and what a document's were.

They come from the same two places as a single request: the index of the log, and what waits to be
written there.
"""

from __future__ import annotations

from typing import NamedTuple

from edge.listening.catalogue import KnownRequest, KnownRequests
from edge.listening.log_index import LogIndex

SESSIONS = (
    "SELECT session, min(time_ms), max(time_ms), count(*) FROM requests "
    "WHERE tenant = ? AND subject = ? AND mode = 'answer' GROUP BY session"
)
IN_SESSION = (
    "SELECT request, tenant, subject, session, lane, time_ms, deadline_us, trace, offset, mode "
    "FROM requests WHERE tenant = ? AND subject = ? AND session = ? AND mode != 'search' "
    "ORDER BY time_ms DESC LIMIT ?"
)
IS_WRITTEN = (
    "SELECT 1 FROM requests WHERE tenant = ? AND subject = ? AND session = ? AND time_ms = ?"
)
QUESTIONS_COUNTED = 1_000
"""Of one session, for its beginning and how many there are; a longer one seems to begin later."""


class ListedSession(NamedTuple):
    """A session of a reader."""

    session: str
    began_ms: int
    last_ms: int
    """When its newest question was taken in."""
    questions: int


class RequestLists:
    """Lists requests; lives on the event loop."""

    def __init__(self, index: LogIndex, requests: KnownRequests) -> None:
        self._index = index
        self._requests = requests

    def sessions(
        self, tenant: str, subject: str, most: int, after: tuple[int, str] | None = None
    ) -> list[ListedSession]:
        """List a reader's sessions, the one that was last gone on with first.

        `after` is `last_ms` and name of the last one of the page before.
        """
        unwritten = self._requests.unwritten_of(tenant, subject)
        found = {
            row[0]: ListedSession(*row) for row in self._index.rows(SESSIONS, (tenant, subject))
        }
        for one in unwritten:
            place = tenant, subject, one.session, one.time_ms
            if one.mode != "answer" or self._index.row(IS_WRITTEN, place):
                continue
            at, known = one.time_ms, found.get(one.session)
            began, last, count = known[1:] if known else (at, at, 0)
            found[one.session] = ListedSession(
                one.session, min(began, at), max(last, at), count + 1
            )
        page = sorted(found.values(), key=lambda one: (-one.last_ms, one.session))
        if after is not None:
            page = [one for one in page if (-one.last_ms, one.session) > (-after[0], after[1])]
        return page[:most]

    def session(self, tenant: str, subject: str, session: str) -> ListedSession | None:
        """Return a reader's session; None where nothing was asked in it."""
        asked = self.of_session(tenant, subject, session, QUESTIONS_COUNTED)
        if not asked:
            return None
        return ListedSession(session, asked[-1].time_ms, asked[0].time_ms, len(asked))

    def of_session(self, tenant: str, subject: str, session: str, most: int) -> list[KnownRequest]:
        """List a reader's requests in a session, newest first."""
        unwritten = self._requests.unwritten_of(tenant, subject)
        rows = self._index.rows(IN_SESSION, (tenant, subject, session, most))
        found = {row[0]: KnownRequest(*row) for row in rows}
        for one in unwritten:
            if one.session == session and one.mode != "search":
                found.setdefault(one.request, one)
        newest = sorted(found.values(), key=lambda one: (-one.time_ms, one.request))
        return newest[:most]

    def of_document(self, tenant: str, document: str, most: int) -> list[KnownRequest]:
        """List the requests about a document, newest first: nobody is the subject of those."""
        return self.of_session(tenant, "", document, most)
