"""How far each step is behind, read from the broker; and `playhead lag`, which shows it.

A step's lag in a lane is what its consumer group has not committed. So it is known for a step that
no worker runs, too. It counts what is running: at the most the step's window and what it has taken
beside it, and a slow event holds back the offsets of those that were finished after it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import click
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import BrokerResponseError, KafkaError, RequestTimedOutError

from schemas import EventRejected, Record
from streams.settings import Settings
from streams.topics import FOLDS, INBOX, STEPS, group_of, step, topic_of

TIMEOUT_S = 5.0  # for all answers of a reading: milliseconds where the broker is well
AGES_S = 10.0  # for the first unfinished record of every lane that is behind
FETCH_BYTES = 16_384  # of a lane when only its first record is wanted
INBOX_READER = "inbox"

T = TypeVar("T")
Lane = tuple[str, int]
"""Topic and partition."""


@dataclass(frozen=True)
class Reader:
    """A consumer group and what it reads."""

    step: str
    topics: tuple[str, ...]

    @property
    def group(self) -> str:
        """Its name on the broker: that of the step's Faust app."""
        return group_of(self.step)


def readers(names: Iterable[str] | None = None) -> tuple[Reader, ...]:
    """Return the readers of the named steps, or of all and the inbox; KeyError lists the steps."""
    if names is not None:
        return tuple(_reader(step(name).name) for name in names)
    inbox = Reader(INBOX_READER, tuple(topic.name for topic in INBOX))
    return (*(_reader(entry.name) for entry in STEPS), inbox)


def _reader(name: str) -> Reader:
    records: list[type[Record]] = list(step(name).reads)
    records += [fold.reads for fold in FOLDS if fold.beside == name]
    return Reader(name, tuple(topic_of(record) for record in records))


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a step is behind in a lane."""

    step: str
    topic: str
    lane: int
    committed: int
    """Offset that the step would go on from; the lane's first one before it has committed any."""
    end: int
    """Offset that the next record will have."""

    @property
    def records(self) -> int:
        """Records that are not finished."""
        return max(0, self.end - self.committed)


class NoAnswer(Exception):
    """The broker does not tell the offsets; the message says why."""


class NotTold(NoAnswer):
    """The broker answers, but with no offsets: a group's coordinator moves, or still loads."""


class Positions:
    """Reads committed and end offsets, while it is entered.

    Every method may raise NoAnswer, or NotTold where the broker itself is well.

    Why it is so: librdkafka's admin client ends the whole process where a broker that has no
    coordinator yet is asked for a group's offsets (seen with 2.16.0, on a new broker), and keeps
    some memory at each listing of offsets. This client is Python.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._coordinators: dict[str, int] = {}
        self._admin: Any = None
        self._consumer: Any = None

    async def __aenter__(self) -> Self:
        """Connect."""
        kafka = self._settings.kafka.split(",")
        waiting_ms = int(TIMEOUT_S * 1_000)
        self._admin = AIOKafkaAdminClient(
            bootstrap_servers=kafka, client_id="playhead-lag", request_timeout_ms=waiting_ms
        )
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka,
            client_id="playhead-lag",
            request_timeout_ms=waiting_ms,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        try:
            await self._asked(self._start(), TIMEOUT_S)
        except NoAnswer:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect."""
        await self.close()

    async def _start(self) -> None:
        await self._admin.start()
        await self._consumer.start()

    async def close(self) -> None:
        """Disconnect."""
        await asyncio.gather(self._consumer.stop(), self._admin.close(), return_exceptions=True)

    async def lags(self, wanted: Sequence[Reader]) -> list[Lag]:
        """Return the lag of each reader in each lane of its topics."""
        return await self._asked(self._lags(wanted), TIMEOUT_S)

    async def count(self, topic: str) -> int:
        """Count the records of a topic that keeps all of them."""
        return await self._asked(self._count(topic), TIMEOUT_S)

    async def oldest_ms(self, lags: Iterable[Lag]) -> dict[Lane, int]:
        """Return the broker's time of the first unfinished record of each lane that is behind.

        In ms since the Unix epoch. A lane that does not answer in time is left out.
        """
        starts = {TopicPartition(one.topic, one.lane): one.committed for one in lags if one.records}
        return await self._asked(self._oldest_ms(starts), AGES_S + TIMEOUT_S) if starts else {}

    async def _asked(self, answer: Awaitable[T], limit_s: float) -> T:
        try:
            async with asyncio.timeout(limit_s):
                return await answer
        except (TimeoutError, RequestTimedOutError):  # the client's own name for it
            self._coordinators.clear()
            raise NoAnswer(f"nothing within {limit_s:g} s") from None
        except BrokerResponseError as error:
            self._coordinators.clear()  # they may have moved
            raise NotTold(type(error).__name__) from None
        except (KafkaError, OSError) as error:
            self._coordinators.clear()
            raise NoAnswer(type(error).__name__) from None
        except NoAnswer:
            self._coordinators.clear()
            raise

    async def _lags(self, wanted: Sequence[Reader]) -> list[Lag]:
        # the committed offsets first: an end that is read later lies behind them
        committed = await asyncio.gather(*(self._committed(reader) for reader in wanted))
        every = {lane for of_reader in committed for lane in of_reader}
        ends = await self._consumer.end_offsets(every)
        # a lane without a commit is read from its first record
        fresh = {lane for of_reader in committed for lane, at in of_reader.items() if at < 0}
        firsts = await self._consumer.beginning_offsets(fresh) if fresh else {}
        return [
            Lag(
                reader.step, lane.topic, lane.partition, at if at >= 0 else firsts[lane], ends[lane]
            )
            for reader, of_reader in zip(wanted, committed, strict=True)
            for lane, at in of_reader.items()
        ]

    async def _committed(self, reader: Reader) -> dict[TopicPartition, int]:
        group = reader.group
        if group not in self._coordinators:
            self._coordinators[group] = await self._admin.find_coordinator(group)
        lanes = self._lanes(reader.topics)
        found = await self._admin.list_consumer_group_offsets(
            group, self._coordinators[group], lanes
        )
        if len(found) < len(lanes):  # an answer that is an error as a whole names no lane
            raise NotTold(f"no offsets of {group}")
        return {lane: found[lane].offset for lane in lanes}

    async def _count(self, topic: str) -> int:
        lanes = self._lanes((topic,))
        firsts = await self._consumer.beginning_offsets(lanes)
        ends = await self._consumer.end_offsets(lanes)
        return int(sum(ends.values()) - sum(firsts.values()))

    async def _oldest_ms(self, starts: Mapping[TopicPartition, int]) -> dict[Lane, int]:
        found: dict[Lane, int] = {}
        self._consumer.assign(list(starts))
        try:
            for lane, offset in starts.items():
                self._consumer.seek(lane, offset)
            deadline = time.monotonic() + AGES_S
            while len(found) < len(starts) and time.monotonic() < deadline:
                batches = await self._consumer.getmany(timeout_ms=100)
                for lane, records in batches.items():
                    found.setdefault((lane.topic, lane.partition), records[0].timestamp)
                    self._consumer.pause(lane)
            return found
        finally:
            self._consumer.unsubscribe()

    def _lanes(self, topics: Iterable[str]) -> list[TopicPartition]:
        return [
            TopicPartition(topic, lane)
            for topic in topics
            for lane in range(self._settings.partitions)
        ]


# ---------------------------------------------------------------------- the command line


@click.command()
@click.option("--steps", metavar="A,B", help="Only these steps; all of them by default.")
@click.option("--all", "every", is_flag=True, help="Every lane, those without lag included.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def lag(steps: str | None, every: bool, as_json: bool) -> None:
    """Show how far each step is behind, by topic and lane, as the broker knows it.

    \b
    Example:
      playhead lag
      playhead lag --steps retrieve,generate --json
    """
    names = None if steps is None else [name.strip() for name in steps.split(",") if name.strip()]
    try:
        wanted = readers(names)
    except KeyError as error:
        raise click.UsageError(str(error.args[0])) from None
    if not wanted:
        raise click.UsageError("--steps names no step: leave it out to see all")
    settings = Settings.load()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what is wrong is said below
    try:
        lags, oldest_ms, rejected = asyncio.run(_read(settings, wanted))
    except NoAnswer as error:
        raise click.ClickException(
            f"the broker at {settings.kafka} does not answer as it should ({error}): "
            "`playhead status` tells whether it is up"
        ) from None
    now_ms = time.time() * 1_000
    ages_s = {lane: round(max(0.0, (now_ms - at) / 1_000), 3) for lane, at in oldest_ms.items()}
    if as_json:
        click.echo(json.dumps(report(lags, ages_s, rejected), indent=1))
    else:
        _print_table(lags, ages_s, rejected, every=every)


def report(lags: Sequence[Lag], ages_s: Mapping[Lane, float], rejected: int) -> dict[str, Any]:
    """Return what `--json` prints; an age is None where there is no lag, or it is not known."""
    lanes = [
        {
            "step": one.step,
            "topic": one.topic,
            "lane": one.lane,
            "committed": one.committed,
            "end": one.end,
            "lag": one.records,
            "oldest_age_s": ages_s.get((one.topic, one.lane)),
        }
        for one in lags
    ]
    return {"lanes": lanes, "lag": sum(one.records for one in lags), "dead_letters": rejected}


async def _read(
    settings: Settings, wanted: Sequence[Reader]
) -> tuple[list[Lag], dict[Lane, int], int]:
    async with Positions(settings) as positions:
        lags = await positions.lags(wanted)
        rejected = await positions.count(topic_of(EventRejected))
        return lags, await positions.oldest_ms(lags), rejected


def _print_table(
    lags: Sequence[Lag], ages_s: Mapping[Lane, float], rejected: int, *, every: bool
) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, justify in (
        ("step", "left"),
        ("topic", "left"),
        ("lane", "right"),
        ("lag", "right"),
        ("oldest", "right"),
        ("committed", "right"),
        ("end", "right"),
    ):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for of_topic in _by_topic(lags):
        shown = [one for one in of_topic if every or one.records]
        if not shown:  # one line for all lanes that are done
            table.add_row(of_topic[0].step, of_topic[0].topic, "all", "0", "", "", "")
        for one in shown:
            age_s = ages_s.get((one.topic, one.lane))
            table.add_row(
                one.step,
                one.topic,
                str(one.lane),
                str(one.records),
                "" if age_s is None else f"{age_s:.1f} s",
                str(one.committed),
                str(one.end),
            )
    console = Console()
    console.print(table)
    console.print(
        f"{sum(one.records for one in lags)} records behind; {rejected} dead letters"
        + (" (`playhead dead-letters list`)" if rejected else "")
    )


def _by_topic(lags: Sequence[Lag]) -> list[list[Lag]]:
    found: defaultdict[tuple[str, str], list[Lag]] = defaultdict(list)
    for one in lags:
        found[one.step, one.topic].append(one)
    return list(found.values())
