"""Topics for one measurement: made before it, forgotten after it, consumer groups included."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from streams.log.setup import create_topics, wanted
from streams.settings import Settings
from streams.topics import STEPS, group_of

QUIET = {"log_level": 2}  # the broker may end first
PATIENCE_S = 30.0  # for the broker to make or forget topics


@contextmanager
def own_topics(
    settings: Settings, names: Sequence[str], partitions: int, groups: Sequence[str] = ()
) -> Iterator[None]:
    """Have topics of a measurement's own."""
    with AdminClient({"bootstrap.servers": settings.kafka, **QUIET}) as admin:
        _answered(admin.create_topics([NewTopic(name, partitions, 1) for name in names]))
        await_shown(admin, names)
        try:
            yield
        finally:
            forget(admin, names, groups)


@contextmanager
def platform_topics(settings: Settings, groups: Sequence[str] = ()) -> Iterator[None]:
    """Have the platform's topics, empty, and its consumer groups without a past.

    Their names are fixed: no worker may run on this broker meanwhile.
    """
    names = [topic.topic for topic in wanted(settings)]
    groups = [*(group_of(step.name) for step in STEPS), *groups]
    with AdminClient({"bootstrap.servers": settings.kafka, **QUIET}) as admin:
        forget(admin, names, groups)
        create_topics(settings, admin)
        try:
            yield
        finally:
            forget(admin, names, groups)


def forget(
    admin: AdminClient,
    topics: Sequence[str],
    groups: Sequence[str],
    patience_s: float = PATIENCE_S,
    pause_s: float = 0.1,
) -> None:
    """Delete topics and consumer groups; wait until the broker shows the topics no more.

    Raises TimeoutError where it still does after `patience_s`.
    """
    known = admin.list_topics(timeout=PATIENCE_S).topics
    present = [name for name in topics if name in known]
    if present:
        _answered(admin.delete_topics(present, operation_timeout=PATIENCE_S), patience_s)
    if groups:
        left = admin.delete_consumer_groups(list(groups))
        wait(left.values(), patience_s)  # an error says that it was never used
    deadline = time.monotonic() + patience_s
    while set(admin.list_topics(timeout=PATIENCE_S).topics) & set(present):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the broker still shows deleted topics after {patience_s:g} s")
        time.sleep(pause_s)


def _answered(asked: Mapping[str, Future[None]], patience_s: float = PATIENCE_S) -> None:
    """Wait for the broker's answers; raises KafkaException where one is an error.

    The client may say nothing of what it was asked, for good: then what the broker shows counts.
    """
    for one in wait(asked.values(), patience_s).done:
        one.result()


def await_shown(
    admin: AdminClient,
    topics: Sequence[str],
    patience_s: float = PATIENCE_S,
    pause_s: float = 0.1,
) -> None:
    """Wait until the broker shows topics that were made: what it does not show is not forgotten.

    Raises TimeoutError where it does not within `patience_s`.
    """
    deadline = time.monotonic() + patience_s
    while missing := set(topics) - set(admin.list_topics(timeout=PATIENCE_S).topics):
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"the broker does not show {min(missing)} {patience_s:g} s after it was made"
            )
        time.sleep(pause_s)
