"""Two who look on while the workers are under fire: at commit positions, and at what appears on the topics."""

import bisect
import contextlib
import random
import threading
import time
import uuid
from array import array
from collections.abc import Iterable

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas import EventRejected
from streams.log.codec import Codec, Undecodable
from streams.settings import Settings
from streams.topics import FOLDS, Step, group_of, topic_of
from tests.chaos.judgement import Place, Sample
from tests.chaos.steps import ENDS, is_end

SAMPLE_S = (0.4, 1.2)
LOOK_S = 3.0
LOOKS, AGAIN_S = 10, 1.0
SETTLE_POLL_S = 0.2
READ_MAX = 2_000
END_TOPICS = frozenset(topic_of(record) for record in ENDS)


def _looking(settings: Settings, group: str) -> Consumer:
    return Consumer({"bootstrap.servers": settings.kafka, "group.id": group, "log_level": 0})


class Watcher:
    """Looks at the commit positions and the ends of the topics, about once a second, from a thread."""

    def __init__(self, settings: Settings, steps: Iterable[Step]) -> None:
        lanes = range(settings.partitions)
        self.reads: dict[str, list[TopicPartition]] = {}
        self.topics: dict[str, list[TopicPartition]] = {}
        """By step, in the order in which their ends are asked for."""
        for step in steps:
            folded = [fold.reads for fold in FOLDS if fold.beside == step.name]
            inputs = [topic_of(record) for record in (*step.reads, *folded)]
            letters = topic_of(EventRejected)
            # from the last that the flow comes to backwards: what lies there has all that it closes before it
            written = [letters, *(topic_of(record) for record in reversed(step.writes))]
            self.reads[step.name] = [TopicPartition(name, n) for name in inputs for n in lanes]
            # what folds did is judged by where the questions ended; other inputs matter at the end alone
            judged = [*written, *(inputs if folded else ())]
            self.topics[step.name] = [TopicPartition(name, n) for name in judged for n in lanes]
        self._settings = settings
        self._opened: list[Consumer] = []
        self._look_anew()
        self._chance = random.Random(0)
        self.samples: list[Sample] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        for consumer in self._opened:
            consumer.close()

    def _look_anew(self) -> None:
        """Look with clients that have heard nothing yet; those before are closed at the end, another thread may look.

        They are consumers, though they consume nothing: librdkafka's admin client aborts the process when its requests
        time out, which they do while the broker is away.
        """
        of_step = {step: _looking(self._settings, group_of(step)) for step in self.reads}
        self._of_step, self._looking = of_step, _looking(self._settings, "chaos")
        self._opened += [*of_step.values(), self._looking]

    def sample(self, *, inputs_too: bool = False) -> Sample:
        """Look once; raises KafkaException while the broker is away."""
        committed: dict[str, dict[Place, int]] = {}
        ends: dict[str, dict[Place, int]] = {}
        for step, reads in self.reads.items():
            positions = self._of_step[step].committed(reads, timeout=LOOK_S)
            ends[step] = {
                (place.topic, place.partition): self._looking.get_watermark_offsets(
                    place, timeout=LOOK_S
                )[1]
                for place in (*self.topics[step], *(reads if inputs_too else ()))
            }
            committed[step] = {(p.topic, p.partition): max(p.offset, 0) for p in positions}
        return Sample(committed, ends)

    def _watch(self) -> None:
        # at no steady beat: what the steps do has one of its own
        while not self._stop.wait(self._chance.uniform(*SAMPLE_S)):
            with contextlib.suppress(KafkaException):
                self.samples.append(self.sample())

    def last(self) -> Sample:
        """Look once, again and again where the broker does not answer."""
        for _ in range(LOOKS):
            try:
                return self.sample(inputs_too=True)
            except KafkaException as error:
                time.sleep(AGAIN_S)
                # a client that has heard of no such lane, while a broker came back, asks nobody again and says so for good
                if error.args[0].code() == KafkaError._UNKNOWN_PARTITION:
                    self._look_anew()
        return self.sample(inputs_too=True)

    def behind(self) -> int:
        """Count the inputs that no step has acknowledged yet, and no fold."""
        time.sleep(SETTLE_POLL_S)
        now = self.last()
        return sum(
            now.ends[step][place] - offset
            for step, positions in now.committed.items()
            for place, offset in positions.items()
        )


class Follower:
    """Follows all that the steps write: when it came, and which requests have their end."""

    def __init__(self, settings: Settings, codec: Codec, steps: Iterable[Step]) -> None:
        self._codec = codec
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.kafka,
                "group.id": f"chaos-{uuid.uuid4()}",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "log_level": 0,
            }
        )
        written = {record for step in steps for record in step.writes}
        places = [
            (topic_of(record), lane)
            for record in (*written, EventRejected)
            for lane in range(settings.partitions)
        ]
        self._consumer.assign([TopicPartition(topic, lane, 0) for topic, lane in places])
        self._next = dict.fromkeys(places, 0)
        self.came_s: dict[Place, array] = {place: array("d") for place in places}
        """When each record came, on the monotonic clock."""
        self.ends_s: dict[str, float] = {}
        """When each request had its end."""
        self.unreadable: set[tuple[str, int, int]] = set()
        """Records whose dead letters came that are no requests."""

    def read(self, timeout_s: float = 0.0) -> int:
        """Take in what has come; returns how many records."""
        messages = self._consumer.consume(READ_MAX, timeout_s)
        now = time.monotonic()
        for message in messages:
            place = message.topic(), message.partition()
            if message.error() or message.offset() < self._next[place]:
                continue
            self._next[place] = message.offset() + 1
            self.came_s[place].append(now)
            if place[0] not in END_TOPICS:
                continue
            with contextlib.suppress(Undecodable):
                event = self._codec.decode_any(message.value())
                if isinstance(event, EventRejected) and not event.meta.request:
                    self.unreadable.add((event.topic, event.partition, event.offset))
                elif is_end(event):
                    self.ends_s.setdefault(event.meta.request, now)
        return len(messages)

    def progress_after(self, at_s: float, topics: Iterable[str]) -> float | None:
        """Return the seconds until each lane of each topic had a new record; None if none came.

        A lane on which nothing came any more had nothing left to do.
        """
        waited = [
            came[index] - at_s
            for (topic, _), came in self.came_s.items()
            if topic in topics and (index := bisect.bisect_right(came, at_s)) < len(came)
        ]
        return max(waited, default=None)

    def close(self) -> None:
        """Leave."""
        self._consumer.close()
