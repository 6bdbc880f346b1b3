"""A bare aiokafka loop: what all hops have waiting is sent on, acknowledged, then committed."""

from __future__ import annotations

import time
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.transports.aiokafka_clients import clients, until_terminated
from bench.transports.chain import Chain

POLL_MS = 200  # answers come as soon as there is one record
COMMIT_S = 0.2  # as often as the runner


async def serve(chain: Chain) -> None:
    """Loop until cancelled."""
    following = dict(chain.hops)
    async with clients(chain, *following) as (consumer, producer):
        await hand_on(following, consumer, producer)


async def hand_on(
    following: Mapping[str, str],
    consumer: AIOKafkaConsumer,
    producer: AIOKafkaProducer,
    commit_s: float = COMMIT_S,
) -> None:
    """Send what comes on to the topic that follows its own; commit what is acknowledged."""
    committed_s = time.monotonic()
    while True:
        polled = await consumer.getmany(timeout_ms=POLL_MS)
        sent = [
            await producer.send(following[tp.topic], record.value, record.key, tp.partition)
            for tp, records in polled.items()
            for record in records
        ]
        for acknowledgement in sent:
            await acknowledgement
        if sent and time.monotonic() - committed_s > commit_s:
            await consumer.commit()
            committed_s = time.monotonic()


if __name__ == "__main__":
    until_terminated(serve(Chain.given()))
