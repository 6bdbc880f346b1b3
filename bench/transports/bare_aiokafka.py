"""A bare aiokafka loop: what all hops have waiting is sent on, acknowledged, then committed."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.transports.chain import Chain

POLL_MS = 200  # answers come as soon as there is one record
COMMIT_S = 0.2  # as often as the runner


async def serve(chain: Chain) -> None:
    """Loop until cancelled."""
    following = dict(chain.hops)
    consumer = AIOKafkaConsumer(
        *following,
        bootstrap_servers=chain.kafka,
        group_id=chain.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=chain.kafka, acks="all", enable_idempotence=True, linger_ms=0
    )
    await producer.start()
    await consumer.start()
    committed_s = time.monotonic()
    try:
        while True:
            polled = await consumer.getmany(timeout_ms=POLL_MS)
            sent = [
                await producer.send(following[tp.topic], record.value, record.key, tp.partition)
                for tp, records in polled.items()
                for record in records
            ]
            for acknowledgement in sent:
                await acknowledgement
            if sent and time.monotonic() - committed_s > COMMIT_S:
                await consumer.commit()
                committed_s = time.monotonic()
    finally:
        await consumer.stop()
        await producer.stop()


async def main() -> None:
    """Run until SIGTERM."""
    serving = asyncio.create_task(serve(Chain.given()))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
    with suppress(asyncio.CancelledError):
        await serving


if __name__ == "__main__":
    asyncio.run(main())
