"""The session that a chat request belongs to, worked out from the history that comes with it."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass

from agents.errors import Permanent, Transient
from edge.callers.caller import Caller
from edge.gateway.gateway import Gateway
from edge.gateway.known_histories import KnownHistory, SaidBefore, content_of
from edge.protocols.openai.chat_request import ChatBody
from streams.watching.logs import logger

log = logger("gateway")


@dataclass(frozen=True)
class ChatSession:
    """A chat request's place."""

    session: str
    """Empty for a new one."""
    state: str
    """none: it begins; known: the session holds all of it; partial: the session does not hold its
    beginning; unknown: nothing of it is on the log; named: the client says which session it is."""

    async def remember(
        self, gateway: Gateway, caller: Caller, body: ChatBody, session: str, answer: str
    ) -> None:
        """Remember what was said by now, so that whoever sends it goes on in the session."""
        said = [*body.said, ("assistant", answer.strip())]
        known = KnownHistory(session, self.state in ("none", "known"))
        try:
            digest = await _digest(gateway, caller, said)
            await asyncio.to_thread(gateway.histories.remember, digest, known)
        except (sqlite3.Error, Transient, Permanent) as error:  # the answer is worth more
            log.warning("a history was not remembered", error=type(error).__name__)


async def chat_session_of(gateway: Gateway, caller: Caller, body: ChatBody) -> ChatSession:
    """Find the session of a chat request."""
    if body.session:
        return ChatSession(body.session, "named")
    if not body.history:
        return ChatSession("", "none")
    digest = await _digest(gateway, caller, body.history)
    known = await asyncio.to_thread(gateway.histories.find, digest)
    if known is None:
        return ChatSession("", "unknown")
    return ChatSession(known.session, "known" if known.is_whole else "partial")


async def _digest(gateway: Gateway, caller: Caller, history: SaidBefore) -> str:
    content = content_of(caller.subject, history)
    return await asyncio.to_thread(gateway.keyring.digest, caller.tenant, content)
