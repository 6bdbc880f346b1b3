"""Request search: what all readers of a tenant asked, by conversation, time and answer.

It comes from the index of the log and what waits to be written there, the newest first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from edge.listening.known_answers import SAME_TEXT_MAX, KnownAnswers
from edge.listening.known_requests import KnownRequest, KnownRequests
from edge.listening.log_index import LogIndex
from edge.problems import Problem
from edge.requests.limits import INT64_MAX

_FOUND = (
    "SELECT request, tenant, subject, session, lane, time_ms, deadline_us, trace, offset, mode "
    "FROM requests INDEXED BY {} WHERE mode != '' AND tenant = ? {} "
    "AND time_ms >= ? AND time_ms < ? AND (time_ms, request) < (?, ?) "
    "ORDER BY time_ms DESC, request DESC LIMIT ?"
)
# named, for SQLite takes the order that is wanted for worth more than a conversation
OF_TENANT = _FOUND.format("asked_when", "")
OF_SESSION = _FOUND.format("asked_where", "AND session = ?")
OF_SESSION_BY_TEXT = _FOUND.format(
    "asked_where",
    "AND session = ? AND EXISTS (SELECT 1 FROM answers WHERE answers.tenant = requests.tenant "
    "AND answers.digest = ? AND answers.request = requests.request)",
)
COMMON = f"digest: more than {SAME_TEXT_MAX} answers have this text: give the conversation, too"


class FoundAt(NamedTuple):
    """Where a found request stands among all; the newest is the largest."""

    time_ms: int
    request: str


NEWEST = FoundAt(INT64_MAX, "")
"""Behind all."""


@dataclass(frozen=True)
class SearchedFor:
    """What a request must be to be found."""

    session: str = ""
    since_ms: int = 0
    until_ms: int = INT64_MAX
    """Not including it."""
    digest: bytes = b""
    """SHA-256 of the text that it was answered by; empty for any."""

    def fits(self, one: KnownRequest) -> bool:
        """Tell whether a request is such a one, its answer aside."""
        return (
            one.mode != ""
            and self.session in ("", one.session)
            and self.since_ms <= one.time_ms < self.until_ms
        )


class RequestSearch:
    """Searches requests; lives on the event loop."""

    def __init__(self, index: LogIndex, requests: KnownRequests, answers: KnownAnswers) -> None:
        self._index = index
        self._requests = requests
        self._answers = answers

    def find(
        self, tenant: str, wanted: SearchedFor, most: int, before: FoundAt = NEWEST
    ) -> list[KnownRequest]:
        """Return the newest questions and searches of a tenant before one, the newest first.

        Raises Problem where too many have a text to look through them.
        """
        if wanted.digest:
            told = self._answers.with_text(tenant, wanted.digest)
            found = [one for name in told if (one := self._requests.find((tenant, name)))]
            if len(told) > SAME_TEXT_MAX:
                if not wanted.session:
                    raise Problem(422, "invalid", COMMON)
                found += self._written(tenant, wanted, most, before)
        else:
            unwritten = self._requests.unwritten_of(tenant)
            # the first record with an id wins
            found = [one for one in unwritten if self._requests.find(one.whose) == one]
            found += self._written(tenant, wanted, most, before)
        fitting = {one.request: one for one in found if wanted.fits(one) and place_of(one) < before}
        return sorted(fitting.values(), key=place_of, reverse=True)[:most]

    def _written(
        self, tenant: str, wanted: SearchedFor, most: int, before: FoundAt
    ) -> list[KnownRequest]:
        conditions: list[str | bytes] = [tenant]
        statement = OF_TENANT
        if wanted.session:
            statement, conditions = OF_SESSION, [tenant, wanted.session]
            if wanted.digest:
                statement, conditions = OF_SESSION_BY_TEXT, [*conditions, wanted.digest]
        values = (*conditions, wanted.since_ms, wanted.until_ms, *before, most)
        rows = self._index.rows(statement, values)
        return [KnownRequest(*row) for row in rows]


def place_of(one: KnownRequest) -> FoundAt:
    """Return where a request stands among all that are found."""
    return FoundAt(one.time_ms, one.request)
