"""A bare confluent-kafka loop: what all hops have waiting is sent on, acknowledged, then stored."""

from __future__ import annotations

import signal
import threading
from typing import Any

from confluent_kafka import Consumer, Producer

from bench.transports.chain import Chain

BATCH_MAX = 1_000
POLL_S = 0.2  # answers come as soon as there is one record


def main() -> None:
    """Run until SIGTERM."""
    chain = Chain.given()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    following = dict(chain.hops)
    consumer = Consumer(
        {
            "bootstrap.servers": chain.kafka,
            "group.id": chain.group,
            "auto.offset.reset": "earliest",
            "enable.auto.offset.store": False,
            "auto.commit.interval.ms": 200,  # as often as the runner
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": chain.kafka,
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 0,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    consumer.subscribe(list(following))
    while not stop.is_set():
        first = consumer.poll(POLL_S)
        if first is None:
            continue
        records: list[Any] = [
            record for record in (first, *consumer.consume(BATCH_MAX, 0)) if record.error() is None
        ]
        for record in records:
            producer.produce(
                following[record.topic()], record.value(), record.key(), record.partition()
            )
        if producer.flush(30):
            raise TimeoutError("the broker acknowledged nothing for 30 s")
        for record in records:
            consumer.store_offsets(message=record)
    consumer.close()


if __name__ == "__main__":
    main()
