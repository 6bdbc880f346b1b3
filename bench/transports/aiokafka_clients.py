"""What the baselines over aiokafka have in common: their clients, and how they end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.transports.chain import Chain


@asynccontextmanager
async def clients(
    chain: Chain, *topics: str
) -> AsyncIterator[tuple[AIOKafkaConsumer, AIOKafkaProducer]]:
    """Have a consumer of these topics that commits when told to, and an idempotent producer."""
    consumer = AIOKafkaConsumer(
        *topics,
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
    try:
        yield consumer, producer
    finally:
        await consumer.stop()
        await producer.stop()


def until_terminated(serving: Coroutine[Any, Any, None]) -> None:
    """Run a program until SIGTERM, which cancels it."""

    async def main() -> None:
        task = asyncio.create_task(serving)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())
