"""Other tenants who chat, one question at a time each, while somebody else sends poison."""

import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import httpx

from bench.facts import facts
from bench.spread import percentiles

THINK_S = 0.5
TOKENS_MAX = 24  # of an answer: what is measured is no model
TIMEOUT_S = 120.0


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
    """Tenants who chat from entry to exit."""

    def __init__(self, clients: Sequence[httpx.Client]) -> None:
        self.chats: list[Chat] = []
        self._over = threading.Event()
        questions = itertools.cycle(question for _, question in facts(1_000))
        self._threads = [
            threading.Thread(target=self._chat, args=(client, questions)) for client in clients
        ]
        self._next = threading.Lock()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _chat(self, client: httpx.Client, questions: "itertools.cycle[str]") -> None:
        while not self._over.wait(THINK_S):
            with self._next:
                question = next(questions)
            began_s = time.monotonic()
            status = ask(client, question)
            self.chats.append(Chat(began_s, time.monotonic(), status))


def ask(client: httpx.Client, question: str) -> int:
    """Ask a question; return the status, 0 where there was no answer."""
    body = {"text": question, "max_tokens": TOKENS_MAX}
    try:
        return client.post("/v1/messages", json=body).status_code
    except httpx.TransportError:
        return 0


def between(chats: Sequence[Chat], began_s: float, ended_s: float) -> list[Chat]:
    """Return the chats that were open at some moment of a span."""
    return [chat for chat in chats if chat.began_s < ended_s and chat.ended_s > began_s]


def p95_s(chats: Sequence[Chat]) -> float | None:
    """Return the 95th percentile of whole answers; None of fewer than two."""
    return percentiles(chat.seconds for chat in chats)[1] if len(chats) > 1 else None
