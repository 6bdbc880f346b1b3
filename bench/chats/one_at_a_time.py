"""The baseline: a consumer that answers one question after the other, straight from the model.

    python -m bench.chats.one_at_a_time CHAIN TRITON

It is spared the chain: a question holds its prompt, and each token is published as it comes.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.chats.stub_server import STUB
from bench.transports.aiokafka_clients import clients, until_terminated
from bench.transports.chain import Chain
from connectors.triton import Triton
from schemas import Generate, Generated
from streams.running.world import Call
from streams.settings import Settings


async def serve(chain: Chain, triton: str) -> None:
    """Loop until cancelled."""
    asked, told = chain.topics
    models = Triton(Settings(triton_grpc=triton))
    try:
        async with clients(chain, asked) as (consumer, producer):
            await answer(consumer, producer, told, models.generate)
    finally:
        await models.close()


async def answer(
    consumer: AIOKafkaConsumer,
    producer: AIOKafkaProducer,
    told: str,
    generate: Callable[[Generate, Call], AsyncIterator[Generated]],
) -> None:
    """Answer question after question; one is committed once its whole answer is acknowledged."""
    call = Call("bench", 0, "", "", "", "bench", 0)
    async for question in consumer:
        request = Generate(prompt=question.value.decode(), max_tokens=160, model=STUB)
        async for part in generate(request, call):
            text = "".join(token.text for token in part.tokens)
            headers = [("last", b"1" if part.last else b"")]
            await producer.send(told, text.encode(), question.key, 0, headers=headers)
        await producer.flush()
        await consumer.commit()


if __name__ == "__main__":
    until_terminated(serve(Chain.given(), sys.argv[2]))
