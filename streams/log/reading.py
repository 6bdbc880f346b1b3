"""Reading partitions of the log as they stand, from one offset up to another.

The consumers here are assigned by hand: they join no group and commit nothing.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.log.broker_access import client_settings
from streams.log.offsets import Extent
from streams.settings import Settings

SILENCE_S = 30.0  # before a partition that should hold more counts as stalled
FETCH_RECORDS = 2_000  # asked of the client at once: enough to keep Python's share of a fetch small


ENDING = frozenset({KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID})  # noqa: SLF001 - public
"""Codes that end a client although its errors do not always say so themselves."""


class NotHeld(KafkaException):
    """The broker holds no record at an offset any more, or none yet."""


def ends_client(error: KafkaError) -> bool:
    """Say whether a client can do nothing more after an error."""
    return error.fatal() or error.code() in ENDING


def tells_of_end(error: KafkaException) -> bool:
    """Say whether an error that a client raised is one after which it can do nothing more."""
    reason = error.args[0]
    return isinstance(reason, KafkaError) and ends_client(reason)


def new_consumer(settings: Settings, name: str, **more: Any) -> Consumer:
    """Make a consumer for reading; `name` tells the broker's operators what it is for.

    `more` are its own settings.
    """
    return Consumer(
        {
            **client_settings(settings),
            "group.id": f"playhead-{name}",
            "client.id": f"playhead-{name}",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "fetch.max.bytes": 16_777_216,
            # a fetch in flight at a partition's end holds up the next partition's for as long
            "fetch.wait.max.ms": 5,
            "socket.timeout.ms": 15_000,
            "log_level": 0,  # what goes wrong is raised
            **more,
        }
    )


def records(
    consumer: Consumer, extents: Iterable[Extent], silence_s: float = SILENCE_S
) -> Generator[Message, None, None]:
    """Read partitions side by side, each in the order of its offsets, up to its extent's end.

    Raises KafkaException, or TimeoutError where the broker hands nothing over for `silence_s`.
    """
    unread = {(e.topic, e.partition): e for e in extents if e.begin < e.end}
    if not unread:
        return
    consumer.assign([TopicPartition(e.topic, e.partition, e.begin) for e in unread.values()])
    try:
        while unread:
            for message in _batch(consumer, unread, silence_s):
                partition = cast("tuple[str, int]", (message.topic(), message.partition()))
                error = message.error()
                if error is None:
                    next_offset = cast(int, message.offset()) + 1
                else:
                    next_offset = _behind(message, error)
                extent = unread.get(partition)
                if extent is None:
                    continue  # its end was reached: what follows was written meanwhile
                if error is None and next_offset <= extent.end:
                    yield message
                # beyond its end too: offsets below it may hold no record (compacted, or a marker)
                if next_offset >= extent.end:
                    del unread[partition]
    finally:
        consumer.unassign()


def _batch(
    consumer: Consumer, unread: Iterable[tuple[str, int]], silence_s: float
) -> Iterable[Message]:
    """Wait for one message and take along those that lie ready behind it.

    For one alone: `consume` would wait until it has as many as it is asked for.
    """
    first = consumer.poll(silence_s)
    if first is None:
        silent = ", ".join(f"{topic}[{number}]" for topic, number in sorted(unread))
        raise TimeoutError(
            f"{silent} gave nothing for {silence_s:g} s: is the broker up? `playhead status` tells"
        )
    return (first, *consumer.consume(FETCH_RECORDS, 0))


def _behind(message: Message, error: KafkaError) -> int:
    """Return where reading goes on behind the end of a partition; raises any other error."""
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
        return cast(int, message.offset())
    if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - its public name
        raise NotHeld(error)
    raise KafkaException(error)
