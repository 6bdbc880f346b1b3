"""Outbox: publishes the outcomes of one input, in the order in which they were yielded."""

from __future__ import annotations

import asyncio
from functools import partial

from schemas import Event
from streams.delivery.item import Item
from streams.delivery.publisher import Publisher
from streams.log.addressing import address_of
from streams.log.codec import Codec
from streams.log.writing import RecordTooLarge, check_size
from streams.running.admit import OUTCOME_BYTES_MAX


class Outbox:
    """Publishes the outcomes of one input."""

    __slots__ = ("_codec", "_item", "_publisher", "refused", "traceparent")

    def __init__(self, publisher: Publisher, codec: Codec, item: Item) -> None:
        self._publisher = publisher
        self._codec = codec
        self._item = item
        self.traceparent = ""
        self.refused = False
        """Whether an outcome of the newest run could not be put: its effects went with it."""

    def put(self, event: Event) -> None:
        """Publish an outcome; raises RecordTooLarge, or CancelledError once the lane has moved."""
        item = self._item
        if item.lane.revoked:
            raise asyncio.CancelledError
        self.refused = True
        value = self._codec.encode(event)
        if len(value) > OUTCOME_BYTES_MAX:
            raise RecordTooLarge(
                f"{event.SCHEMA} would take {len(value)} bytes, a record holds "
                f"{OUTCOME_BYTES_MAX}: cut its batches smaller"
            )
        topic, lane, key, headers = address_of(event, self.traceparent)
        # never before its input, whatever this host's clock says: who reads a request back begins
        # at the time at which it was taken in
        not_before_ms = item.message.timestamp()[1] if item.message is not None else 0
        check_size(topic, key, value, headers)
        send = partial(self._publisher.send, topic, lane, key, value, headers, item, not_before_ms)
        item.hand_over(topic, send)
        item.attempt = event.meta.attempt
        self.refused = False
