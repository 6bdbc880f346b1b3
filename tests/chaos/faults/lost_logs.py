"""A log that lost its end, or was made anew: after a run was judged, since what is lost can't be judged.

Whatever is asked then either has its end, or workers tell, aloud and by name, that they can't go on with its lane.
Nothing in between: a request that is dropped without a word is the failure that this looks for.

The workers stand still meanwhile, and only what writes the topic runs first, so that the topic grows beyond the place
up to which its readers had come: then nothing but ids tells the new records from those that were done.
"""

import json
import signal
import struct
import time
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from schemas import ChunksCut, QuestionRedacted
from streams.log.setup import create_topics
from streams.settings import Settings
from streams.topics import group_of, topic_of
from tests.chaos.faults.happening import Effects, note
from tests.chaos.ground import Ground
from tests.chaos.load import Load
from tests.chaos.plan import Start
from tests.chaos.profiles import LOSSES
from tests.chaos.slots import Slot
from tests.chaos.steps import chain
from tests.chaos.watch import Follower

ASKED = 200  # requests after each loss; of one topic's a lane has some twenty
LOST_BATCHES = 5  # of each lane: more records come after than were lost
FIRST_PATIENCE_S = 60.0  # for the step that writes the topic
STILL_S = 5.0  # without a further record it has done what it had before it
PATIENCE_S = 60.0  # without any further end
STUCK = "a lane is not read any further"
"""What a worker says of a lane that it can't go on with; other errors about a log are no excuse."""
ANSWER_S = 30.0
POLL_S = 0.2
HEADER = struct.Struct(">qi")  # of a batch: offset of its first record, bytes that follow
OF_WRITER = {"lost tail": ("redact", QuestionRedacted), "topic made anew": ("ingest", ChunksCut)}
"""Loss -> the step that writes the topic that it happens to, and the topic's record."""


def batches_of(segment: Path) -> Iterator[tuple[int, int]]:
    """Read where each batch of a segment begins, in bytes, and the offset of its first record."""
    content, at = segment.read_bytes(), 0
    while at + HEADER.size <= len(content):
        offset, size = HEADER.unpack_from(content, at)
        if size <= 0 or at + HEADER.size + size > len(content):
            return
        yield at, offset
        at += HEADER.size + size


def cut_tail(data: Path, lane: str, batches: int) -> int:
    """Take the last batches of a lane from a broker that is down; return the offset that it ends at.

    The broker is left to find out: it reads all of its log again, as after a crash.
    """
    segment = max((data / lane).glob("*.log"))
    places = list(batches_of(segment))
    if not places:
        return 0
    at, offset = places[max(0, len(places) - batches)]
    with segment.open("r+b") as file:
        file.truncate(at)
    for kept in ("*.index", "*.timeindex", "*.snapshot"):
        for file_ in (data / lane).glob(kept):
            file_.unlink()
    for told in (".kafka_cleanshutdown", "recovery-point-offset-checkpoint"):
        (data / told).unlink(missing_ok=True)
    return offset


class LostLogs:
    """Loses a part of the log, asks on, and looks who told of it."""

    def __init__(
        self,
        ground: Ground,
        load: Load,
        slot: Slot,
        say: Callable[[str], None],
        patience_s: float = PATIENCE_S,
    ) -> None:
        """`slot` is a place for a worker, while no other runs."""
        self._ground = ground
        self._settings: Settings = ground.settings
        self._load = load
        self._slot = slot
        self._say = say
        self._patience_s = patience_s
        self.effects: Effects = {}
        self._missing: AbstractSet[str] = frozenset()
        """Requests without an end after the last loss."""
        self.wrong: list[str] = []
        """Requests without an end of which nobody told."""

    def run(self) -> None:
        """Try both losses, one after the other, on topics of different flows."""
        for kind, lose in zip(LOSSES, (self._lose_tail, self._make_anew), strict=True):
            step, record = OF_WRITER[kind]
            topic = topic_of(record)
            before = sum(self._ends(topic))
            lose(topic)
            ends = self._ends(topic)
            lost = before - sum(ends)
            self._say(f"{kind}: {topic}, {lost} records lost")
            self._ask_on(kind, step, topic, lost)
            self._set_back(kind, topic, ends)

    # ------------------------------------------------------------------ losing

    def _lanes(self, topic: str) -> list[str]:
        return [f"{topic}-{lane}" for lane in range(self._settings.partitions)]

    def _lose_tail(self, topic: str) -> None:
        stack = self._ground.stack
        for name in self._ground.brokers:
            stack.stop_component(name)
        for name in self._ground.brokers:
            for lane in self._lanes(topic):
                cut_tail(self._ground.data_of(name), lane, LOST_BATCHES)
        for name in self._ground.brokers:
            stack._keepers[name].start()
        self._ground.wait_ready()

    def _make_anew(self, topic: str) -> None:
        admin = AdminClient({"bootstrap.servers": self._settings.kafka, "log_level": 0})
        admin.delete_topics([topic])[topic].result(ANSWER_S)
        while topic in admin.list_topics(timeout=ANSWER_S).topics:
            time.sleep(POLL_S)
        create_topics(self._settings)

    def _ends(self, topic: str) -> list[int]:
        """Return where each lane of a topic ends, as soon as the brokers tell."""
        client = Consumer({"bootstrap.servers": self._settings.kafka, "group.id": "chaos-losses"})
        places = [TopicPartition(topic, lane) for lane in range(self._settings.partitions)]
        try:
            while True:
                with suppress(KafkaException):
                    return [client.get_watermark_offsets(at, timeout=ANSWER_S)[1] for at in places]
        finally:
            client.close()

    # ------------------------------------------------------------------ asking on

    def _ask_on(self, kind: str, step: str, topic: str, lost: int) -> None:
        """Ask, first with nobody but the topic's writer, then with all steps; note what came of it."""
        before = set(self._load.expected.fates)
        for _ in range(ASKED):
            self._load.ask()
        self._load.flush()
        asked = self._load.expected.fates.keys() - before
        self._run_alone(step, topic)
        said_from = self._slot.log.stat().st_size
        self._slot.start(Start(f"{kind}-all"))
        follower = Follower(self._settings, self._load.codec, chain())
        try:
            self._follow(follower, asked, lambda: self._told(topic, said_from))
            if asked - follower.ends_s.keys() and self._says_ready():
                self.wrong.append(
                    f"after {kind} of {topic} a worker that can't go on says it is ready"
                )
        finally:
            follower.close()
            self._stop()
        self._missing = asked - follower.ends_s.keys()
        self._take_stock(kind, topic, lost, asked, follower, said_from)

    def _take_stock(
        self,
        kind: str,
        topic: str,
        lost: int,
        asked: AbstractSet[str],
        follower: Follower,
        said_from: int,
    ) -> None:
        """Note what came of what was asked after a loss."""
        told, missing = self._told(topic, said_from), asked - follower.ends_s.keys()
        self.wrong += [
            f"{request} of lane {lane} has no end after {kind} of {topic}, and nobody told of it"
            for request in sorted(missing)
            if (lane := self._lane_of(request)) not in told
        ]
        seen = {"records lost": lost, "asked after": len(asked), "ended": len(asked - missing)}
        note(self.effects, kind, {**seen, "lanes told of": len(told)})

    def _set_back(self, kind: str, topic: str, ends: list[int]) -> None:
        """Where lanes are not read, do what the worker says: choose where to go on, and start it."""
        if not self._missing:
            return
        admin = AdminClient({"bootstrap.servers": self._settings.kafka, "log_level": 0})
        places = [TopicPartition(topic, lane, end) for lane, end in enumerate(ends)]
        for step in chain():
            if topic in map(topic_of, step.reads):
                asked = ConsumerGroupTopicPartitions(group_of(step.name), places)
                [done] = admin.alter_consumer_group_offsets([asked]).values()
                done.result()
        self._slot.start(Start(f"{kind}-set-back"))
        follower = Follower(self._settings, self._load.codec, chain())
        try:
            self._follow(follower, self._missing, set)
        finally:
            follower.close()
            self._stop()
        left = self._missing - follower.ends_s.keys()
        self.wrong += [
            f"{request} has no end after offsets of {topic} were set back"
            for request in sorted(left)
        ]
        note(self.effects, kind, {"ended after offsets were set back": len(self._missing - left)})

    def _run_alone(self, step: str, topic: str) -> None:
        """Have one step do what it has before it: its topic grows, then stands still."""
        before = self._ends(topic)
        self._slot.start(Start(f"{topic}-alone", steps=(step,)))
        ends, since = before, time.monotonic()
        while time.monotonic() - since < (STILL_S if ends != before else FIRST_PATIENCE_S):
            time.sleep(POLL_S)
            if (now := self._ends(topic)) != ends:
                ends, since = now, time.monotonic()
        self._stop()

    def _follow(
        self, follower: Follower, asked: AbstractSet[str], told: Callable[[], AbstractSet[int]]
    ) -> None:
        """Wait until every request has its end, or its lane is told of, or no more comes."""
        missing, since = len(asked), time.monotonic()
        while time.monotonic() - since < self._patience_s:
            follower.read(POLL_S)
            left = asked - follower.ends_s.keys()
            if len(left) < missing:
                missing, since = len(left), time.monotonic()
            if not left:
                return
            stuck = {self._lane_of(request) for request in left} <= told()
            if stuck and not self._says_ready() and time.monotonic() - since > STILL_S:
                return

    def _says_ready(self) -> bool:
        """Whether the worker tells its supervisor that it is ready."""
        try:
            return bool(json.loads(self._slot.ready.read_text())["state"] == "ready")
        except (OSError, ValueError):
            return False

    def _lane_of(self, request: str) -> int:
        return self._load.expected.fates[request][0]

    def _told(self, topic: str, said_from: int) -> set[int]:
        """Return the lanes of a topic that the worker says it can't go on with."""
        with self._slot.log.open("rb") as log:
            log.seek(said_from)
            lines = [json.loads(line) for line in log if line.startswith(b"{")]
        return {
            line["lane"]
            for line in lines
            if line.get("topic") == topic
            and line.get("level") == "error"
            and line["event"].startswith(STUCK)
        }

    def _stop(self) -> None:
        self._slot.signal(signal.SIGTERM)
        self._slot.leave()
