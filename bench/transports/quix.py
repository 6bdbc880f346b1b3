"""Quix Streams: one application with a dataframe a hop, at least once."""

from __future__ import annotations

from quixstreams import Application

from bench.transports.chain import Chain


def main() -> None:
    """Run until SIGTERM."""
    chain = Chain.given()
    app = Application(
        broker_address=chain.kafka,
        consumer_group=chain.group,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        use_changelog_topics=False,
        commit_interval=0.2,  # as often as the runner
        state_dir=f"{chain.run}/{chain.group}",
        loglevel="WARNING",
        producer_extra_config={"acks": "all", "enable.idempotence": True, "linger.ms": 0},
    )

    def raw(name: str) -> object:
        return app.topic(
            name,
            key_serializer="bytes",
            value_serializer="bytes",
            key_deserializer="bytes",
            value_deserializer="bytes",
        )

    for source, target in chain.hops:
        app.dataframe(raw(source)).to_topic(raw(target))
    app.run()


if __name__ == "__main__":
    main()
