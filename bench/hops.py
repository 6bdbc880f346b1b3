"""The baseline of a hop: a bare consume–produce loop over the same broker, one thread a hop."""

from __future__ import annotations

import statistics
import threading
import time
import uuid
from itertools import pairwise

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from streams.settings import Settings

HOPS = 8
VALUE = bytes(540)  # the size of a record without vectors or texts
AT_ONCE_S = 0.05  # between two records: 20 a second


def bare_hop_ms(settings: Settings, records: int) -> float:
    """Send records through eight bare hops; return the median milliseconds of one hop.

    librdkafka on both sides, acks=all, idempotent; each hop waits for the acknowledgement of what
    it wrote, as a step does.
    """
    run = uuid.uuid4().hex[:8]
    topics = [f"bench-{run}-{number}" for number in range(HOPS + 1)]
    admin = AdminClient({"bootstrap.servers": settings.kafka})
    for future in admin.create_topics([NewTopic(name, 1, 1) for name in topics]).values():
        future.result()
    stop = threading.Event()
    threads = [
        threading.Thread(target=_hop, args=(settings, source, target, stop), daemon=True)
        for source, target in pairwise(topics)
    ]
    for thread in threads:
        thread.start()
    last = _reader(settings, topics[-1])
    producer = _writer(settings)
    took = []
    try:
        for _ in range(records):
            began = time.perf_counter()
            producer.produce(topics[0], VALUE)
            producer.flush(10)
            while last.poll(1.0) is None:
                pass
            took.append((time.perf_counter() - began) * 1000)
            time.sleep(AT_ONCE_S)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        last.close()
        for future in admin.delete_topics(topics).values():
            future.result()
    return statistics.median(took) / HOPS


def _reader(settings: Settings, topic: str) -> Consumer:
    consumer = Consumer({"bootstrap.servers": settings.kafka, "group.id": f"bench-{uuid.uuid4()}"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    return consumer


def _writer(settings: Settings) -> Producer:
    return Producer(
        {"bootstrap.servers": settings.kafka, "enable.idempotence": True, "linger.ms": 0}
    )


def _hop(settings: Settings, source: str, target: str, stop: threading.Event) -> None:
    consumer, producer = _reader(settings, source), _writer(settings)
    while not stop.is_set():
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            producer.produce(target, message.value())
            producer.flush(10)
    consumer.close()
