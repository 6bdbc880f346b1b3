"""The baseline of a hop: a bare consume–produce loop over the same broker, one thread a hop."""

from __future__ import annotations

import statistics
import threading
import time
import uuid
from itertools import pairwise

from confluent_kafka import Consumer, TopicPartition

from bench.measured_topics import own_topics
from bench.transports.chain import HOPS
from streams.log.writing import new_producer
from streams.settings import Settings

VALUE = bytes(540)  # the size of a record without vectors or texts
AT_ONCE_S = 0.05  # between two records: 20 a second


def bare_hop_ms(settings: Settings, records: int) -> float:
    """Send records through eight bare hops; return the median milliseconds of one hop.

    librdkafka on both sides, acks=all, idempotent; each hop waits for the acknowledgement of what
    it wrote, as a step does.
    """
    run = uuid.uuid4().hex[:8]
    topics = [f"bench-{run}-{number}" for number in range(HOPS + 1)]
    with own_topics(settings, topics, 1):
        return _median_ms(settings, topics, records) / HOPS


def _median_ms(settings: Settings, topics: list[str], records: int) -> float:
    stop = threading.Event()
    threads = [
        threading.Thread(target=_hop, args=(settings, source, target, stop), daemon=True)
        for source, target in pairwise(topics)
    ]
    for thread in threads:
        thread.start()
    last = _reader(settings, topics[-1])
    producer = new_producer(settings, "bench")
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
    return statistics.median(took)


def _reader(settings: Settings, topic: str) -> Consumer:
    told = {"bootstrap.servers": settings.kafka, "group.id": f"bench-{uuid.uuid4()}"}
    consumer = Consumer({**told, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    return consumer


def _hop(settings: Settings, source: str, target: str, stop: threading.Event) -> None:
    consumer, producer = _reader(settings, source), new_producer(settings, "bench")
    while not stop.is_set():
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            producer.produce(target, message.value())
            producer.flush(10)
    consumer.close()
