"""One's own conversations, as the log has them: which there are, and what was said in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from agents.errors import Transient
from edge.answering.following import Follower
from edge.callers.access import Access
from edge.callers.caller import Caller
from edge.listening.known_requests import KnownRequest, KnownRequests
from edge.listening.log_reader import ReadsLog
from edge.problems import Problem, not_found, overloaded
from edge.requests.limits import ID_MAX

T = TypeVar("T")
LOOKED_AT_MAX = 5_000
"""Newest questions of a user that are looked at, for some 30 ms: what lies before is not listed."""
TITLE_MAX = 80


@dataclass(frozen=True)
class KnownSession:
    """A conversation of a user."""

    first: KnownRequest
    """The first of its questions that was looked at."""
    last: KnownRequest
    messages: int

    @property
    def id(self) -> str:
        """Its id."""
        return self.last.session

    @classmethod
    def of(cls, newest: Sequence[KnownRequest]) -> KnownSession:
        """Return the conversation that some questions are, the newest of them first."""
        return cls(newest[-1], newest[0], len(newest))


class SessionDesk:
    """Lists conversations and what was said; lives on one event loop."""

    def __init__(
        self, log: ReadsLog, requests: KnownRequests, access: Access, follower: Follower
    ) -> None:
        self._log = log
        self._requests = requests
        self._access = access
        self._follower = follower

    # ------------------------------------------------------------------ what there is

    def listed(
        self, caller: Caller, most: int, before: str = ""
    ) -> tuple[list[KnownSession], str | None]:
        """Return conversations, the one with the newest question first, and where they go on.

        `before` is the id behind which the list goes on. Raises Problem.
        """
        self._access.check_all_known()
        known = sessions_of(self._requests.newest(caller.tenant, caller.subject, LOOKED_AT_MAX))
        return _page(known, [one.id for one in known], most, before)

    def asked_in(self, caller: Caller, session: str) -> list[KnownRequest]:
        """Return the questions of a conversation, the newest first; raises Problem without one."""
        self._access.check_all_known()
        known = self._requests.newest(caller.tenant, caller.subject, LOOKED_AT_MAX, session)
        if not known:
            raise not_found(f"no conversation {session[:ID_MAX]!r} of this user")
        return known

    async def words(self, caller: Caller, requests: Sequence[KnownRequest]) -> list[str | None]:
        """Return what a caller asked, None where that is gone; raises Problem."""
        try:
            asked = await self._log.questions(requests)
        except Transient as error:
            raise overloaded(str(error)) from None
        return [self._access.own_words(caller, asked.get(one.request)) for one in requests]

    async def titles(self, caller: Caller, sessions: Sequence[KnownSession]) -> list[str | None]:
        """Return what conversations are called, by their first questions; raises Problem."""
        return [_title(one) for one in await self.words(caller, [one.first for one in sessions])]

    # ------------------------------------------------------------------ spelt

    async def sessions(self, caller: Caller, limit: int, before: str = "") -> dict[str, Any]:
        """Spell conversations as `listed` has them; raises Problem."""
        page, after = self.listed(caller, limit, before)
        titles = await self.titles(caller, page)
        return {
            "sessions": [
                {
                    "session_id": one.id,
                    "title": title,
                    "messages": one.messages,
                    "began_us": 1_000 * one.first.time_ms,
                    "last_us": 1_000 * one.last.time_ms,
                }
                for one, title in zip(page, titles, strict=True)
            ],
            "next": after,
        }

    async def session(
        self, caller: Caller, session: str, limit: int, before: str = ""
    ) -> dict[str, Any]:
        """Spell the newest messages of a conversation, the oldest of them first; raises Problem.

        `before` is the request before which the page ends.
        """
        known = self.asked_in(caller, session)
        page, after = _page(known, [one.request for one in known], limit, before)
        words = await self.words(caller, page)
        answers = await self._follower.answers_so_far(caller, page)
        messages = [
            {"question": question, "asked_us": 1_000 * one.time_ms, **answer}
            for one, question, answer in zip(page, words, answers, strict=True)
        ]
        return {"session_id": session, "messages": messages[::-1], "next": after}


def sessions_of(newest: Sequence[KnownRequest]) -> list[KnownSession]:
    """Sort questions, the newest first, into conversations, the last one asked in first."""
    by_session: dict[str, list[KnownRequest]] = {}
    for one in newest:
        by_session.setdefault(one.session, []).append(one)
    return [KnownSession.of(questions) for questions in by_session.values()]


def _page(
    known: Sequence[T], ids: Sequence[str], limit: int, before: str
) -> tuple[list[T], str | None]:
    """Return what stands behind an id, and the id to go on behind; raises Problem."""
    begin = 0
    if before:
        if before not in ids:
            raise Problem(422, "invalid", "before: send the `next` of the page before this one")
        begin = ids.index(before) + 1
    end = begin + limit
    return list(known[begin:end]), ids[end - 1] if end < len(ids) else None


def _title(words: str | None) -> str | None:
    if words is None:
        return None
    line = " ".join(words.split())
    return line if len(line) <= TITLE_MAX else f"{line[: TITLE_MAX - 1].rstrip()}…"
