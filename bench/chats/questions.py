"""What is asked, what the passage about it says, how either side spells a chat on its topics.

One tenant with one lane asks: all chats share a partition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from confluent_kafka import Message

from bench.child import MeasurementFailed
from bench.ends import InputRecord
from bench.facts import TENANT, name_of
from connectors.keyring import Keyring
from edge.requests.building import RequestBuilder
from schemas import (
    AnswerReleased,
    AnswerRetracted,
    Event,
    EventRejected,
    Passage,
    QuestionAsked,
    TokensReleased,
)
from schemas.registry import SchemaIds
from streams.log.addressing import address_of, headers_of
from streams.log.codec import Codec
from streams.log.ids import document_id
from streams.settings import Settings
from streams.topics import topic_of, topics_of

FACTS = 16
TOKENS = 13  # words of an answer: 20 ms + 12 x 5 ms is 80 ms, some 12 chats a second one by one


class BadAnswer(MeasurementFailed):
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


class Language(Protocol):
    """How chats are spelled on some topics."""

    asked: str
    """Topic of the questions."""
    told: tuple[str, ...]
    """Topics of what is said."""

    def ask(self, chat: int) -> InputRecord:
        """Spell the question of a chat."""

    def read(self, message: Message) -> Said:
        """Read a record of `told`; raises BadAnswer."""


class PlainLanguage:
    """A prompt goes in; each token comes out by itself."""

    def __init__(self, asked: str, told: str) -> None:
        self.asked = asked
        self.told: tuple[str, ...] = (told,)

    def ask(self, chat: int) -> InputRecord:
        """Spell the prompt of a chat."""
        fact = chat % FACTS
        prompt = f"Text: {sentence(fact)}\nQuestion: What does it cost?\nAnswer:"
        return InputRecord(0, str(chat).encode(), prompt.encode())

    def read(self, message: Message) -> Said:
        """Read a token."""
        last = dict(headers_of(message))["last"] == b"1"
        return Said(int(message.key() or b""), bool(message.value()), last)


class PlatformLanguage:
    """Questions as the edge writes them, each in a session of its own; answers as it reads them."""

    def __init__(self, settings: Settings, ids: SchemaIds) -> None:
        self.asked = topic_of(QuestionAsked)
        self.told = topics_of(TokensReleased, AnswerReleased, AnswerRetracted, EventRejected)
        self._codec = Codec(ids)
        self._requests = RequestBuilder(settings, Keyring(settings), edge="gateway")
        self._chats: dict[str, int] = {}

    def ask(self, chat: int) -> InputRecord:
        """Spell the question of a chat."""
        text = f"What does a yearly ticket for the {name_of(chat % FACTS)} cost?"
        event = self._requests.question(TENANT, user="bench", text=text)
        self._chats[event.meta.request] = chat
        _, lane, key, headers = address_of(event)
        return InputRecord(lane, key, self._codec.encode(event), headers)

    def read(self, message: Message) -> Said:
        """Read released tokens, or how a chat ended: with the stub's whole answer."""
        event = self._codec.decode_any(message.value())
        assert isinstance(event, Event)
        chat = self._chats.get(event.meta.request)
        if chat is None:
            raise BadAnswer(f"{event.SCHEMA} came for a request that nobody made")
        if isinstance(event, TokensReleased):
            return Said(chat, bool(event.text), last=False)
        if not isinstance(event, AnswerReleased) or event.text != sentence(chat % FACTS):
            raise BadAnswer(f"chat {chat} ended with {event.SCHEMA} instead of the stub's answer")
        return Said(chat, text=True, last=True)
