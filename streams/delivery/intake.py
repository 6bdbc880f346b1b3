"""Intake: what a poll brings, put together by lane, and no more than the steps can keep up with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import cast

from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaError, Message, TopicPartition

from streams.delivery.lane import LOW_WATER, DeliveredRecord, Lane, Place
from streams.delivery.log_identity import displace
from streams.delivery.memory import Memory
from streams.log.addressing import headers_of

POLL_S = 0.2
"""For a first record, which ends it. What else is asked of the reader waits for as long: a commit,
lanes to be claimed."""
LEARNING_POLL_S = 0.02
"""The same while lanes are taken over: they run when they are claimed."""
ROOM_S = 0.1  # for the steps to catch up, before lanes are paused
BATCH = 2_000  # records of one poll
HIGH_WATER = 2_048  # records of a lane taken and not looked at; beyond, its fetch pauses

LaneBatch = tuple[Lane, list[DeliveredRecord]]
"""A lane and records of it."""


class Intake:
    """Takes records from the client; used in the reader's thread alone."""

    def __init__(
        self,
        lanes: Callable[[], Mapping[Place, Lane]],
        memory: Memory,
        on_error: Callable[[KafkaError], None],
        pause_s: float = ROOM_S,
    ) -> None:
        self._lanes = lanes
        self._memory = memory
        self._on_error = on_error
        self._pause_s = pause_s
        self.drained = threading.Event()
        """Set when a lane has fallen to its low water mark."""

    def poll(self, client: Client) -> list[Message]:
        """Return what has arrived, or wait a moment for it."""
        learning = not all(lane.learned for lane in self._lanes().values())
        first = client.poll(LEARNING_POLL_S if learning else POLL_S)
        return [] if first is None else [first, *client.consume(BATCH - 1, 0)]

    def batches(self, messages: Iterable[Message]) -> list[LaneBatch]:
        """Put records together by lane; those of lanes that are not ours any more are dropped."""
        lanes = self._lanes()
        batches: dict[Place, LaneBatch] = {}
        for message in messages:
            place = (cast(str, message.topic()), cast(int, message.partition()))
            if (error := message.error()) is not None:
                if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - public
                    if (lane := lanes.get(place)) is not None:
                        displace(
                            lane, f"the log does not hold offset {message.offset()}, the next one"
                        )
                else:
                    self._on_error(error)
                continue
            batch = batches.get(place)
            if batch is None:
                if (lane := lanes.get(place)) is None or lane.displaced:
                    continue  # revoked within this very poll, or none of what it should go on with
                batch = batches[place] = (lane, [])
            key = message.key() or b""
            batch[1].append((cast(int, message.offset()), _size_of(message, key), key, message))
        return list(batches.values())

    def look_ahead(self, client: Client) -> None:
        """Note how far each lane reaches on the broker, as far as the client has heard."""
        for lane in self._lanes().values():
            place = TopicPartition(lane.topic, lane.partition)
            _, lane.end = client.get_watermark_offsets(place, cached=True)

    def keep_pace(self, client: Client) -> None:
        """Let the steps keep up: wait a moment for them, then pause the lanes that don't."""
        memory = self._memory
        lanes = self._lanes().values()
        _pause(
            client,
            [
                lane
                for lane in lanes
                if lane.paused
                and not lane.displaced
                and lane.waiting <= LOW_WATER
                and memory.has_room(lane.bytes)
            ],
            paused=False,
        )
        _pause(client, [lane for lane in lanes if lane.displaced and not lane.paused], paused=True)
        full = [lane for lane in lanes if not lane.paused and self._is_full(lane)]
        if full:
            self.drained.clear()
            caught_up = self.drained.wait(self._pause_s)
            _pause(
                client,
                [lane for lane in full if not caught_up or memory.exceeded_by(lane.bytes)],
                paused=True,
            )

    def _is_full(self, lane: Lane) -> bool:
        return lane.waiting > HIGH_WATER or self._memory.exceeded_by(lane.bytes)


def _size_of(message: Message, key: bytes) -> int:
    """Count the bytes of a record, key and headers included."""
    return len(message) + len(key) + sum(len(n) + len(c) for n, c in headers_of(message))


def _pause(client: Client, lanes: list[Lane], *, paused: bool) -> None:
    places = [TopicPartition(lane.topic, lane.partition) for lane in lanes]
    if places:
        (client.pause if paused else client.resume)(places)
    for lane in lanes:
        lane.paused = paused
