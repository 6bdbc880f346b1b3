"""A client of the gateway that loses its connections, comes back, and writes down what it was told."""

import asyncio
import contextlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import websockets

from tests.chaos.gateway_tale import DONE, Frame, Tale

PAUSE_S = (0.2, 1.5)  # before it comes back; twice as long each time that brought nothing
LONGER_MAX = (
    16  # times as long at most: thousands that come back every second are a fault of their own
)
PATIENCE_S = 10.0  # without any frame; then it comes back, as after a cut
CUT = 0.3  # share of connections that the client cuts by itself after some frames
FRAMES_MAX = 4  # before it does
AGAIN = 0.2  # share of documents that are sent twice under one key
QUIET_S = 1.0  # between looks at how a request stands
LOOKS_AT_ONCE = 8
"""Of one client, each on a connection of its own: looking is the harness's own doing, no part of the load. All at once,
thousands would wait for a connection of the pool until they time out there, and documents' posts with them."""
GONE = (httpx.TransportError, OSError, websockets.WebSocketException, TimeoutError)


class Refused(Exception):
    """The gateway says to come again."""


@dataclass
class ChaosClient:
    """Asks with one key; all randomness is the seed's."""

    url: str
    secret: str
    chance: random.Random
    ended: Callable[[], bool]
    """Whether clients are to stop trying, since the gateway is gone for good."""
    transport: httpx.AsyncBaseTransport | None = None
    """What carries HTTP; the network where none is given."""

    def __post_init__(self) -> None:
        self._headers = {"Authorization": f"Bearer {self.secret}"}
        self.http, self.looking = self._opened(), self._opened()
        self._looks = asyncio.Semaphore(LOOKS_AT_ONCE)

    def _opened(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.url,
            headers=self._headers,
            timeout=PATIENCE_S,
            trust_env=False,
            transport=self.transport,
        )

    async def close(self) -> None:
        """Let go of all connections."""
        await self.http.aclose()
        await self.looking.aclose()

    # ------------------------------------------------------------------ a question, over WebSockets

    async def ask(self, tale: Tale, text: str) -> None:
        """Ask over a WebSocket until the answer is closed, however many connections it takes."""
        in_vain = 0
        while not self._is_told(tale):
            if self.ended():
                tale.given_up = True
                return
            heard = len(tale.frames)
            cut_after = self.chance.randint(1, FRAMES_MAX) if self.chance.random() < CUT else 0
            with contextlib.suppress(*GONE, Refused):
                await self._converse(tale, text, cut_after)
            tale.cuts += 1
            in_vain = 0 if len(tale.frames) > heard else in_vain + 1
            await self._pause(in_vain)
        tale.cuts -= 1  # the last connection was lost to nobody

    def _is_told(self, tale: Tale) -> bool:
        return bool(tale.frames) and (tale.late or _closes(tale.frames[-1]))

    async def _converse(self, tale: Tale, text: str, cut_after: int) -> None:
        url = f"{self.url.replace('http', 'ws', 1)}/v1/chat"
        # no good-bye is waited for: a cut is a cut
        async with websockets.connect(
            url, additional_headers=self._headers, close_timeout=0.1, proxy=None
        ) as socket:
            await socket.send(json.dumps(self._opening(tale, text)))
            count = 0
            while not self._is_told(tale):
                async with asyncio.timeout(PATIENCE_S):
                    frame: Frame = json.loads(await socket.recv())
                self._take(tale, frame)
                count += 1
                if count == cut_after:
                    socket.transport.abort()
                    return

    def _opening(self, tale: Tale, text: str) -> Frame:
        """Return the frame that asks, or asks for the rest."""
        if not tale.accepted:
            return {"type": "message", "id": tale.key, "session_id": tale.session, "text": text}
        newest = next((f["cursor"] for f in reversed(tale.frames) if f.get("cursor")), "")
        return {"type": "resume", "request_id": tale.accepted[0], "cursor": newest}

    def _take(self, tale: Tale, frame: Frame) -> None:
        match frame["type"]:
            case "accepted":
                tale.accepted.append(frame["request_id"])
                tale.frames.append(frame)
            case "error" if not _closes(frame):
                if frame["status"] == 504:
                    tale.late = True
                    tale.frames.append(frame)
                elif frame["status"] in (429, 503):
                    tale.refused += 1
                    raise Refused
                else:
                    tale.problems.append(f"an error frame {frame['status']} {frame['problem']}")
                    tale.late = True
                    tale.frames.append(frame)
            case _:
                tale.frames.append(frame)

    # ------------------------------------------------------------------ a document, over HTTP

    async def hand_in(self, tale: Tale, body: dict[str, Any]) -> None:
        """Post a document until it is accepted; some are posted twice, side by side."""
        await self._post(tale, body)
        if self.chance.random() < AGAIN:
            await asyncio.gather(*(self._post(tale, body) for _ in range(2)))

    async def _post(self, tale: Tale, body: dict[str, Any]) -> None:
        in_vain = 0
        while not self.ended():
            with contextlib.suppress(*GONE):
                answer = await self.http.post(
                    "/v1/documents", json=body, headers={"Idempotency-Key": tale.key}
                )
                if answer.status_code == 202:
                    tale.accepted.append(answer.json()["request_id"])
                    tale.session = answer.json()["document_id"]
                    return
                if answer.status_code not in (429, 503):
                    tale.problems.append(f"POST gave {answer.status_code}: {answer.text[:200]}")
                    return
                tale.refused += 1
            tale.cuts += 1
            in_vain += 1
            await self._pause(in_vain)
        tale.given_up = not tale.accepted

    # ------------------------------------------------------------------ when all is quiet

    async def look_again(self, tale: Tale) -> None:
        """Read how a request stands, until it has its end or clients are to stop."""
        pause_s = QUIET_S
        while tale.accepted and not await self.look(tale) and not self.ended():
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGER_MAX * QUIET_S)

    async def look(self, tale: Tale, timeout_s: float = PATIENCE_S) -> bool:
        """Read once how a request stands that was accepted; tell whether it has its end."""
        at = tale.accepted[0] if tale.kind == "question" else tale.session
        path = f"/v1/{'messages' if tale.kind == 'question' else 'documents'}/{at}"
        async with self._looks:
            try:
                answer = await self.looking.get(path, timeout=timeout_s)
            except GONE as error:
                tale.unread = type(error).__name__
                return False
        if answer.status_code != httpx.codes.OK:
            tale.unread = f"{answer.status_code} {answer.text[:200]}"
            return False
        tale.final, tale.unread = answer.json(), ""
        return tale.final["status"] in DONE

    async def _pause(self, in_vain: int) -> None:
        await asyncio.sleep(self.chance.uniform(*PAUSE_S) * min(2**in_vain, LONGER_MAX))


def _closes(frame: Frame) -> bool:
    """Tell whether a frame is the end of an answer; errors of the edge itself are none."""
    if frame["type"] == "error":
        return bool(frame["problem"].endswith(":step-failed"))
    return frame["type"] in ("completed", "retracted")
