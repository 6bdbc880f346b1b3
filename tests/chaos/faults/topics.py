"""Topics whose settings somebody changes while they are in use, and changes back."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial

from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)

from streams.topics import topic_of
from tests.chaos.faults.happening import SEEN_PATIENCE_S, Effects, Happenings, note, until_seen
from tests.chaos.faults.said import Said
from tests.chaos.ground import Ground
from tests.chaos.plan import Fault
from tests.chaos.slots import NAMES, Slot
from tests.chaos.steps import chain

SETTINGS = {
    "small records": ("max.message.bytes", "100"),  # not one record of the chain is so small
    "short retention": ("retention.ms", "1000"),  # nothing goes: the broker looks once an hour
}
WRITTEN = tuple(topic_of(step.writes[0]) for step in chain())
"""A topic of each step."""
PATIENCE_S = 60.0


class TopicFaults:
    """Changes settings of topics."""

    def __init__(
        self,
        ground: Ground,
        slots: Sequence[Slot],
        effects: Effects,
        patience_s: float = SEEN_PATIENCE_S,
    ) -> None:
        """`patience_s` is how long each waits for a worker to tell of it."""
        self._patience_s = patience_s
        self._ground = ground
        self._slots = slots
        self._effects = effects

    def happenings(self) -> Happenings:
        """Return the faults by kind."""
        return {kind: partial(self._changed, *setting) for kind, setting in SETTINGS.items()}

    @contextmanager
    def _changed(self, name: str, value: str, fault: Fault) -> Iterator[bool]:
        """Have a topic of some step with another setting; say in how many lines workers told of it."""
        topic = WRITTEN[(len(NAMES) * fault.slot + int(fault.at_s)) % len(WRITTEN)]
        before = self._of(topic, name)
        with Said(self._slots, f"{topic} has {name}={value}") as said:
            self._set(topic, name, value)
            try:
                yield True
                until_seen(lambda: said.count, self._patience_s)
            finally:
                self._set(topic, name, before)
            note(self._effects, fault.kind, {f"lines of workers about {name}": said.count})

    @cached_property
    def _admin(self) -> AdminClient:
        """The client, kept: its answers end with it."""
        return AdminClient({"bootstrap.servers": self._ground.settings.kafka, "log_level": 0})

    def _of(self, topic: str, name: str) -> str:
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        [told] = self._admin.describe_configs([resource]).values()
        return told.result()[name].value

    def _set(self, topic: str, name: str, value: str) -> None:
        entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
        [done] = self._admin.incremental_alter_configs([resource]).values()
        done.result()
        # a broker takes a setting over a moment after it was acknowledged
        deadline_s = time.monotonic() + PATIENCE_S
        while self._of(topic, name) != value and time.monotonic() < deadline_s:
            time.sleep(0.1)
