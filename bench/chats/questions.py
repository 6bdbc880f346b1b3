"""What is asked, what the passage about it says, how either side spells a chat on its topics.

One tenant with one lane asks: all chats share a partition.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Protocol

from bench.child import Failed
from bench.facts import TENANT, name_of
from connectors.keyring import Keyring
from schemas import (
    AnswerReleased,
    AnswerRetracted,
    Ask,
    Event,
    EventRejected,
    Meta,
    Passage,
    QuestionAsked,
    StepVersion,
    TokensReleased,
)
from schemas.registry import SchemaIds
from streams.log.clock import now_us
from streams.log.codec import Codec
from streams.log.ids import document_id, request_id
from streams.log.lanes import lane_of
from streams.settings import Settings
from streams.topics import topic_of, topics_of
from streams.version import CODE

FACTS = 16
TOKENS = 13  # words of an answer: 20 ms + 12 x 5 ms is 80 ms, some 12 chats a second one by one


class BadAnswer(Failed):
    """An answer came that is not the stub's; the message says what came."""


def sentence(number: int) -> str:
    """Return what is known of a fact, in TOKENS words."""
    return f"A yearly ticket for the {name_of(number)} costs {20 + number} euros."


def passage(number: int) -> Passage:
    """Return the one passage about a fact."""
    text, uri = sentence(number), f"fact/{number}"
    return Passage(
        chunk=document_id(TENANT, f"{uri}#0"),
        document=document_id(TENANT, uri),
        version=1,
        number=0,
        title="Tickets",
        uri=uri,
        text=text,
        tokens=len(text) // 4,
    )


@dataclass(frozen=True)
class Said:
    """What one record at the end of a chain says of a chat."""

    chat: int
    text: bool
    """Whether a reader sees text of it."""
    last: bool


@dataclass(frozen=True)
class Asking:
    """A record that asks."""

    partition: int
    key: bytes
    value: bytes
    headers: list[tuple[str, str | bytes | None]]


class Language(Protocol):
    """How chats are spelled on some topics."""

    asked: str
    """Topic of the questions."""
    told: tuple[str, ...]
    """Topics of what is said."""

    def ask(self, chat: int) -> Asking:
        """Spell the question of a chat."""

    def read(self, message: Any) -> Said:
        """Read a record of `told`; raises BadAnswer."""


class Plain:
    """A prompt goes in; each token comes out by itself."""

    def __init__(self, asked: str, told: str) -> None:
        self.asked = asked
        self.told: tuple[str, ...] = (told,)

    def ask(self, chat: int) -> Asking:
        """Spell the prompt of a chat."""
        fact = chat % FACTS
        prompt = f"Text: {sentence(fact)}\nQuestion: What does it cost?\nAnswer:"
        return Asking(0, str(chat).encode(), prompt.encode(), [])

    def read(self, message: Any) -> Said:
        """Read a token."""
        last = dict(message.headers())["last"] == b"1"
        return Said(int(message.key()), bool(message.value()), last)


class Platform:
    """Questions as the edge writes them, each in a session of its own; answers as it reads them."""

    def __init__(self, settings: Settings, ids: SchemaIds) -> None:
        self.asked = topic_of(QuestionAsked)
        self.told = topics_of(TokensReleased, AnswerReleased, AnswerRetracted, EventRejected)
        self._codec = Codec(ids)
        self._keyring = Keyring(settings)
        self._partitions = settings.partitions
        self._deadline_us = 1_000 * settings.deadline_ms
        self._run = uuid.uuid4().hex

    def ask(self, chat: int) -> Asking:
        """Spell the question of a chat."""
        fact, session = chat % FACTS, str(uuid.uuid4())
        meta = Meta(
            id=request_id(TENANT, f"{self._run}/{chat}"),
            tenant=TENANT,
            lane=lane_of(TENANT, session, self._partitions),
            request=str(uuid.UUID(int=chat)),
            session=session,
            at=now_us(),
            step=StepVersion(name="gateway", code=CODE, configuration=""),
        )
        text = f"What does a yearly ticket for the {name_of(fact)} cost?".encode()
        sealed = self._keyring.seal(TENANT, "user/bench", meta.id, "text", text)
        ask = Ask(deadline=now_us() + self._deadline_us)
        event = QuestionAsked(meta=meta, subject="bench", text=sealed, ask=ask)
        headers: list[tuple[str, str | bytes | None]] = [
            ("id", meta.id.encode()),
            ("request", meta.request.encode()),
        ]
        return Asking(meta.lane, TENANT.encode(), self._codec.encode(event), headers)

    def read(self, message: Any) -> Said:
        """Read released tokens, or how a chat ended: with the stub's whole answer."""
        event = self._codec.decode_any(message.value())
        assert isinstance(event, Event)
        chat = uuid.UUID(event.meta.request).int
        if isinstance(event, TokensReleased):
            return Said(chat, bool(event.text), last=False)
        if not isinstance(event, AnswerReleased) or event.text != sentence(chat % FACTS):
            raise BadAnswer(f"chat {chat} ended with {event.SCHEMA} instead of the stub's answer")
        return Said(chat, text=True, last=True)
