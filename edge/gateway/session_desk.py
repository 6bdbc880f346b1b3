"""One's own conversations, as the log has them: which there are, and what was said in one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents.errors import Transient
from edge.answering.following import Follower
from edge.callers.access import Access
from edge.callers.caller import Caller
from edge.listening.catalogue import KnownRequest, KnownRequests
from edge.listening.log_reader import ReadsLog
from edge.problems import Problem, not_found, overloaded
from edge.requests.limits import ID_MAX
from schemas import QuestionAsked

LOOKED_AT_MAX = 5_000
"""Newest questions of a user that are looked at, for some 30 ms: what lies before is not listed."""
TITLE_MAX = 80
AT_ONCE = 4
"""Answers of one conversation that are read back side by side."""


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


class SessionDesk:
    """Lists conversations and what was said; lives on one event loop."""

    def __init__(
        self, log: ReadsLog, requests: KnownRequests, access: Access, follower: Follower
    ) -> None:
        self._log = log
        self._requests = requests
        self._access = access
        self._follower = follower

    async def sessions(self, caller: Caller, limit: int, before: str = "") -> dict[str, Any]:
        """List conversations, the one with the newest question first; raises Problem.

        `before` is the id behind which the list goes on.
        """
        self._access.check_all_known()
        known = sessions_of(self._requests.newest(caller.tenant, caller.subject, LOOKED_AT_MAX))
        page, after = _page(known, [one.id for one in known], limit, before)
        asked = await self._asked([one.first for one in page])
        return {
            "sessions": [
                {
                    "session_id": one.id,
                    "title": _title(self._access.own_words(caller, asked.get(one.first.request))),
                    "messages": one.messages,
                    "began_us": 1_000 * one.first.time_ms,
                    "last_us": 1_000 * one.last.time_ms,
                }
                for one in page
            ],
            "next": after,
        }

    async def session(
        self, caller: Caller, session: str, limit: int, before: str = ""
    ) -> dict[str, Any]:
        """Return the newest messages of a conversation, the oldest of them first; raises Problem.

        `before` is the request before which the page ends.
        """
        self._access.check_all_known()
        known = self._requests.newest(caller.tenant, caller.subject, LOOKED_AT_MAX, session)
        if not known:
            raise not_found(f"no conversation {session[:ID_MAX]!r} of this user")
        page, after = _page(known, [one.request for one in known], limit, before)
        asked = await self._asked(page)
        answers: list[dict[str, Any]] = []
        for begin in range(0, len(page), AT_ONCE):  # others read back answers, too
            some = page[begin : begin + AT_ONCE]
            answers += await asyncio.gather(
                *(self._follower.answer_so_far(caller, one) for one in some)
            )
        messages = [
            {
                "question": self._access.own_words(caller, asked.get(one.request)),
                "asked_us": 1_000 * one.time_ms,
                **answer,
            }
            for one, answer in zip(page, answers, strict=True)
        ]
        return {"session_id": session, "messages": messages[::-1], "next": after}

    async def _asked(self, requests: Sequence[KnownRequest]) -> dict[str, QuestionAsked]:
        try:
            return await self._log.questions(requests)
        except Transient as error:
            raise overloaded(str(error)) from None


def sessions_of(newest: Sequence[KnownRequest]) -> list[KnownSession]:
    """Sort questions, the newest first, into conversations, the last one asked in first."""
    by_session: dict[str, list[KnownRequest]] = {}
    for one in newest:
        by_session.setdefault(one.session, []).append(one)
    return [KnownSession(of[-1], of[0], len(of)) for of in by_session.values()]


def _page(known: Sequence[Any], ids: Sequence[str], limit: int, before: str) -> tuple[Any, Any]:
    """Return what stands behind an id, and the id to go on behind; raises Problem."""
    begin = 0
    if before:
        if before not in ids:
            raise Problem(422, "invalid", "before: send the `next` of the page before this one")
        begin = ids.index(before) + 1
    end = begin + limit
    return known[begin:end], ids[end - 1] if end < len(ids) else None


def _title(words: str | None) -> str | None:
    if words is None:
        return None
    line = " ".join(words.split())
    return line if len(line) <= TITLE_MAX else f"{line[: TITLE_MAX - 1].rstrip()}…"
