"""The baseline: a consumer that answers one question after the other, straight from the model.

    python -m bench.chats.one_at_a_time CHAIN TRITON

It is spared the chain: a question holds its prompt, and each token is published as it comes.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.chats.stub_server import STUB
from bench.transports.chain import Chain
from connectors.triton import Triton
from schemas import Generate
from streams.running.world import Call
from streams.settings import Settings


async def serve(chain: Chain, triton: str) -> None:
    """Loop until cancelled."""
    asked, told = chain.topics
    models = Triton(Settings(triton_grpc=triton))
    consumer = AIOKafkaConsumer(
        asked,
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
    call = Call("bench", 0, "", "", "", asked, 0)
    try:
        async for question in consumer:
            request = Generate(prompt=question.value.decode(), max_tokens=160, model=STUB)
            async for part in models.generate(request, call):
                text = "".join(token.text for token in part.tokens)
                headers = [("last", b"1" if part.last else b"")]
                await producer.send(told, text.encode(), question.key, 0, headers=headers)
            await producer.flush()
            await consumer.commit()
    finally:
        await consumer.stop()
        await producer.stop()
        await models.close()


async def main() -> None:
    """Run until SIGTERM."""
    serving = asyncio.create_task(serve(Chain.given(), sys.argv[2]))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
    with suppress(asyncio.CancelledError):
        await serving


if __name__ == "__main__":
    asyncio.run(main())
