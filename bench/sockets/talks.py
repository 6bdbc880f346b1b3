"""What is streamed: by a bare echo, or by the log, as moderation would write it for a question."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from confluent_kafka import Consumer, TopicPartition
from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection

from bench.child import MeasurementFailed
from schemas import (
    Batch,
    Cause,
    Event,
    Meta,
    QuestionAsked,
    StepVersion,
    TokensGenerated,
    TokensReleased,
)
from streams.log.addressing import address_of
from streams.log.clock import now_us
from streams.log.codec import Codec
from streams.log.ids import outcome_id
from streams.log.lanes import lane_of
from streams.topics import group_of, step_reading, topic_of
from streams.version import CODE
from streams.watching.tracing import new_trace

ASKED_S = 60.0  # for a question to be taken in
FLUSH_S = 10.0
KEEP_UP_EVERY = 5  # questions
STEP = "moderate"
PADDING = "x" * 230  # with it, what is echoed is as long as a frame of the gateway's


def text_of(number: int) -> str:
    """Spell a token."""
    return f"{number} and so on, "


def number_of(text: str) -> int:
    """Read which token a text is."""
    return int(text.partition(" ")[0])


class Echoes:
    """The client sends each token itself."""

    def __init__(self, sockets: Sequence[ClientConnection]) -> None:
        self._sockets = sockets

    async def say(self, stream: int, number: int) -> None:
        """Send a token."""
        await self._sockets[stream].send(json.dumps({"cursor": PADDING, "text": text_of(number)}))

    def number_in(self, frame: str | bytes) -> int | None:
        """Read the token."""
        return number_of(json.loads(frame)["text"])

    def close(self) -> None:
        """Do nothing: the sockets are somebody else's."""


class PutsRecords(Protocol):
    """The part of a producer that is needed."""

    def produce(
        self, topic: str, value: bytes, key: bytes, partition: int, *, headers: Any
    ) -> None:
        """Put a record."""

    def poll(self, timeout: float) -> int:
        """Serve what was acknowledged."""

    def flush(self, timeout: float) -> int:
        """Wait until all was acknowledged; return how many were not."""

    def purge(self) -> None:
        """Give up what was not acknowledged."""

    def close(self) -> bool:
        """End the client."""


class LoggedTokens:
    """Tokens are put on the log, each as a record about one stream's question."""

    def __init__(self, producer: PutsRecords, codec: Codec, metas: Sequence[Meta]) -> None:
        """Take what the records of each stream's question have in common."""
        self._producer = producer
        self._codec = codec
        self._metas = metas

    async def say(self, stream: int, number: int) -> None:
        """Put a token on the log."""
        event = released(self._metas[stream], number)
        topic, lane, key, headers = address_of(event)
        value = self._codec.encode(event)
        self._producer.produce(topic, value, key, lane, headers=list(headers))
        self._producer.poll(0)

    def number_in(self, frame: str | bytes) -> int | None:
        """Read the token of a delta."""
        told = json.loads(frame)
        if told["type"] == "error":
            raise MeasurementFailed(f"{told.get('status')}: {told.get('detail')}")
        return number_of(told["text"]) if told["type"] == "delta" else None

    def close(self) -> None:
        """Wait for the broker, and end the client while there is one."""
        self._producer.flush(FLUSH_S)
        self._producer.purge()  # or its end would wait for what the broker does not take
        self._producer.close()


async def asked(
    sockets: Sequence[ClientConnection],
    tenants: Sequence[str],
    partitions: int,
    keep_up: Callable[[], None] = lambda: None,
) -> list[Meta]:
    """Ask a question on each socket; returns what all records about it have in common.

    `keep_up` stands for the worker that there is not: it is called between questions. Raises
    MeasurementFailed where one is not taken in.
    """
    metas: list[Meta] = []
    for socket, tenant in zip(sockets, tenants, strict=True):
        if len(metas) % KEEP_UP_EVERY == 0:
            await asyncio.to_thread(keep_up)
        metas.append(await _ask(socket, tenant, partitions))
    await asyncio.to_thread(keep_up)
    return metas


class KeepsUp:
    """Commits what a step has to do as done: a gateway takes no questions where nobody works."""

    def __init__(self, consumer: Consumer, topic: str, lanes: int) -> None:
        self._consumer = consumer
        self._places = [TopicPartition(topic, lane) for lane in range(lanes)]

    @classmethod
    def on(cls, kafka: str, lanes: int) -> KeepsUp:
        """Stand for the step that reads questions."""
        step = step_reading(QuestionAsked)
        assert step is not None
        settings = {"bootstrap.servers": kafka, "group.id": group_of(step.name), "log_level": 2}
        consumer = Consumer({**settings, "enable.auto.commit": False})
        return cls(consumer, topic_of(QuestionAsked), lanes)

    def __call__(self) -> None:
        """Commit up to the ends."""
        ends = []
        for place in self._places:
            _, end = self._consumer.get_watermark_offsets(place, timeout=ASKED_S)
            ends.append(TopicPartition(place.topic, place.partition, end))
        self._consumer.commit(offsets=ends, asynchronous=False)

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()


async def _ask(socket: ClientConnection, tenant: str, partitions: int) -> Meta:
    await socket.send(json.dumps({"type": "message", "text": "What does a ticket cost?"}))
    try:
        async with asyncio.timeout(ASKED_S):
            frame = json.loads(await socket.recv())
    except TimeoutError:
        raise MeasurementFailed("a question was not taken in") from None
    if frame["type"] != "accepted":
        raise MeasurementFailed(f"{frame.get('status')}: {frame.get('detail')}")
    return Meta(
        id="",
        tenant=tenant,
        lane=lane_of(tenant, frame["session_id"], partitions),
        request=frame["request_id"],
        session=frame["session_id"],
        at=now_us(),
        step=StepVersion(name=STEP, code=CODE, configuration=""),
        trace=new_trace(sampled=False),
    )


def released(meta: Meta, number: int) -> Event:
    """Return the record that releases a token: about the question of `meta`, by another input."""
    cause = f"{meta.request}|{number}"
    of_token = replace(
        meta,
        id=outcome_id(cause, STEP, 0),
        at=now_us(),
        cause=Cause(topic=topic_of(TokensGenerated), partition=meta.lane, offset=number, id=cause),
    )
    batch = Batch(number=number, last=False)
    return TokensReleased(meta=of_token, batch=batch, text=text_of(number), subject="")
