"""Other tenants who chat, one question at a time each, while somebody else sends poison."""

import contextlib
import itertools
import multiprocessing
import queue
import signal
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import httpx

from bench.facts import facts
from bench.spread import percentiles

THINK_S = 0.5
TOKENS_MAX = 24  # of an answer: what is measured is no model
TIMEOUT_S = 120.0
LOOK_S = 0.2
P95_CHATS_MIN = 20
Span = tuple[float, float]
"""From when until when, on the monotonic clock."""


@dataclass(frozen=True)
class Chat:
    """One question of a neighbour."""

    began_s: float
    ended_s: float
    status: int

    @property
    def seconds(self) -> float:
        """Until the whole answer was there."""
        return self.ended_s - self.began_s


class Neighbours:
    """Tenants who chat from entry to exit, in a process of their own.

    In that of who sends the poison they would wait for its interpreter: a hundred thousand frames that one thread
    spells made the answers of the others late, whatever the gateway did.
    """

    def __init__(self, gateway: str, keys: Sequence[str]) -> None:
        context = multiprocessing.get_context("spawn")
        self._over = context.Event()
        self._told: Any = context.Queue()
        self._chats: list[Chat] = []
        self._process = context.Process(
            target=_chat_on, args=(gateway, tuple(keys), self._told, self._over), daemon=True
        )

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        while self._process.is_alive():
            self._process.join(0.1)
            self._hear()  # a process does not end before what it tells is heard
        self._hear()

    @property
    def chats(self) -> list[Chat]:
        """All that ended so far; the clock is that of the machine, and so is theirs."""
        self._hear()
        return self._chats

    def _hear(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._chats.append(Chat(*self._told.get_nowait()))

    def wait_for(self, count: int, since_s: float, patience_s: float) -> bool:
        """Wait until so many chats ended that began since a moment; tell whether they did."""
        until_s = time.monotonic() + patience_s
        while sum(chat.began_s >= since_s for chat in self.chats) < count:
            if time.monotonic() > until_s:
                return False
            time.sleep(LOOK_S)
        return True


def _chat_on(gateway: str, keys: Sequence[str], told: Any, over: Any) -> None:
    """Chat as each tenant in a thread of its own, and tell of each answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for who started this
    questions = itertools.cycle(question for _, question in facts(1_000))
    turn = threading.Lock()

    def chat(key: str) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(
            base_url=gateway, headers=headers, timeout=TIMEOUT_S, trust_env=False
        ) as client:
            while not over.wait(THINK_S):
                with turn:
                    question = next(questions)
                began_s = time.monotonic()
                status = ask(client, question)
                told.put((began_s, time.monotonic(), status))

    threads = [threading.Thread(target=chat, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def ask(client: httpx.Client, question: str) -> int:
    """Ask a question; return the status, 0 where there was no answer."""
    body = {"text": question, "max_tokens": TOKENS_MAX}
    try:
        return client.post("/v1/messages", json=body).status_code
    except httpx.TransportError:
        return 0


def between(chats: Sequence[Chat], spans: Sequence[Span]) -> list[Chat]:
    """Return the chats that were open at some moment of the spans, each once."""
    return [
        chat for chat in chats if any(chat.began_s < end and chat.ended_s > at for at, end in spans)
    ]


def middle_s(chats: Sequence[Chat]) -> float | None:
    """Return the median of whole answers; None of none."""
    return statistics.median(chat.seconds for chat in chats) if chats else None


def p95_s(chats: Sequence[Chat]) -> float | None:
    """Return the 95th percentile of whole answers; None of fewer than P95_CHATS_MIN, of which it is the slowest."""
    enough = len(chats) >= P95_CHATS_MIN
    return percentiles(chat.seconds for chat in chats)[1] if enough else None
