"""FastStream: a subscriber and a publisher a hop, over its aiokafka broker."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from faststream import FastStream
from faststream.kafka import KafkaBroker, KafkaMessage

from bench.transports.chain import Chain


def mount(broker: Any, chain: Chain, source: str, target: str) -> None:
    """Add the handler of one hop; it waits for the broker's acknowledgement."""
    publisher = broker.publisher(target)

    async def handler(message: KafkaMessage) -> None:
        record = message.raw_message
        await publisher.publish(message.body, key=record.key, partition=record.partition)

    broker.subscriber(source, group_id=chain.group, auto_offset_reset="earliest")(handler)


def main() -> None:
    """Run until SIGTERM."""
    chain = Chain.given()
    broker = KafkaBroker(
        chain.kafka, acks="all", enable_idempotence=True, linger_ms=0, log_level=logging.WARNING
    )
    for source, target in chain.hops:
        mount(broker, chain, source, target)
    asyncio.run(FastStream(broker, logger=None).run())


if __name__ == "__main__":
    main()
