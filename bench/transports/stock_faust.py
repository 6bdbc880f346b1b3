"""Stock Faust: an agent a hop, `await topic.send`, settings as they come."""

from __future__ import annotations

from typing import Any

import faust

from bench.transports.chain import Chain


def mount(app: faust.App, source: str, target: str) -> None:
    """Add the agent of one hop."""
    raw: dict[str, Any] = {
        "key_type": bytes,
        "value_type": bytes,
        "key_serializer": "raw",
        "value_serializer": "raw",
    }
    following = app.topic(target, **raw)

    async def agent(stream: Any) -> None:
        async for event in stream.events():
            await following.send(
                key=event.key, value=event.value, partition=event.message.partition
            )

    app.agent(app.topic(source, **raw), name=f"hop {source}")(agent)


def main() -> None:
    """Run until SIGTERM."""
    chain = Chain.given()
    app = faust.App(
        chain.group,
        broker=f"kafka://{chain.kafka}",
        store="memory://",
        datadir=f"{chain.run}/{chain.group}",
        consumer_auto_offset_reset="earliest",
        producer_acks=-1,  # Faust has no setting for an idempotent producer
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
    )
    for source, target in chain.hops:
        mount(app, source, target)
    faust.Worker(app, loglevel="WARN", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
