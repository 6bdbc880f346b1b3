"""The Quix peer's edge: HTTP in front of its topics.

python -m bench.peers.quix_bridge PLACES
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import uvicorn
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from bench.peers.peer_work import PeerPlaces, completed, frame
from bench.peers.quix_topics import ASKED, SAID
from streams.log.writing import new_producer
from streams.settings import Settings

POLL_S = 0.2
POLL_MAX = 500


class BridgedQuestion(BaseModel):
    """What is asked."""

    text: str


class QuixBridge:
    """Puts questions on a topic, and hands what is said to whoever asked."""

    def __init__(self, producer: Producer, consumer: Consumer) -> None:
        self._producer = producer
        self._consumer = consumer
        self._waiting: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self._ended = threading.Event()

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand records on until `end`; for a thread of its own."""
        while not self._ended.is_set():
            for messages in self._arrived():
                said = [orjson.loads(one.value() or b"{}") for one in messages if not one.error()]
                loop.call_soon_threadsafe(self._deliver, said)
            self._producer.poll(0)
        self._consumer.close()

    def end(self) -> None:
        """Have the thread end."""
        self._ended.set()

    async def answer(self, text: str) -> AsyncIterator[bytes]:
        """Ask, and yield the frames of the answer."""
        request = str(uuid.uuid4())
        said = self._waiting[request] = asyncio.Queue()
        try:
            value = orjson.dumps({"request": request, "text": text})
            self._producer.produce(ASKED, value, request.encode())
            self._producer.poll(0)
            yield frame("accepted")
            while True:
                record = await said.get()
                if "whole" in record:
                    yield completed(record["whole"], record["uris"])
                    return
                yield frame("delta", text=record["text"])
        finally:
            del self._waiting[request]

    def _arrived(self) -> Iterator[list[Message]]:
        first = self._consumer.poll(POLL_S)
        if first is not None:
            yield [first, *self._consumer.consume(POLL_MAX, 0)]

    def _deliver(self, said: list[dict[str, Any]]) -> None:
        for record in said:
            if waiting := self._waiting.get(record.get("request", "")):
                waiting.put_nowait(record)


def bridge_on(kafka: str) -> QuixBridge:
    """Connect one; it reads what is said from now on."""
    told = {"bootstrap.servers": kafka, "group.id": "peers-bridge"}
    consumer = Consumer({**told, "enable.auto.commit": False})
    place = TopicPartition(SAID, 0)
    _, place.offset = consumer.get_watermark_offsets(place, timeout=30)
    consumer.assign([place])
    return QuixBridge(new_producer(Settings(kafka=kafka), "peers"), consumer)


def bridge_service(bridge: QuixBridge) -> FastAPI:
    """Make the application."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        thread = threading.Thread(target=bridge.listen, args=(asyncio.get_running_loop(),))
        thread.start()
        try:
            yield
        finally:
            bridge.end()
            await asyncio.to_thread(thread.join)

    app = FastAPI(lifespan=lifespan)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/v1/messages")
    async def ask(question: BridgedQuestion) -> StreamingResponse:
        return StreamingResponse(bridge.answer(question.text), media_type="text/event-stream")

    return app


if __name__ == "__main__":
    here = PeerPlaces.given()
    uvicorn.run(
        bridge_service(bridge_on(here.kafka)), host="127.0.0.1", port=here.port, log_level="warning"
    )
