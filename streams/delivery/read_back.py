"""Read back, when lanes come, what was done of them: their newest commits and what followed these.

A commit tells which inputs are done, and the step's own outcomes written since are read forward
from there (see `progress`): that is exact. What it can't hold are ids. So older outcomes are read
as well, within bounds: of the last REACH inputs, because an input may come again under a later
attempt of the step before, whose run must count on; and where requests come in, because a producer
may send a copy of one long after.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from confluent_kafka import Consumer

from schemas import Cause, Event, EventRejected
from streams.delivery.epochs import floor_of
from streams.delivery.foreign_outcomes import OutcomeReader
from streams.delivery.history import REMEMBERED, Outcome
from streams.delivery.kept_outcomes import KeptOutcomes
from streams.delivery.lane import REACH, Place
from streams.delivery.output_reader import OutputReader, ReadOutcomes
from streams.delivery.progress import Progress, progress_of
from streams.log.offsets import Extent, extent_of
from streams.log.reading import records
from streams.topics import INBOX, REQUESTS, Step, topic_of
from streams.watching.logs import logger

log = logger("read back")

UNTOLD_MAX = 200_000
"""Records of one topic's lane that are read where no commit tells: those of 0.1.0, some seconds."""
WARM_RECORDS = 4_096  # read where requests come in: a producer may send a copy long after
WARM_BYTES = 8_000_000  # or so many bytes, whichever is less: what a start may cost
STRIDE = 64
"""Records of each output that are read in any case; further strides are each twice as long."""

InputPlace = tuple[str, int, int]
"""Topic, partition and offset of an input."""

REQUEST_TOPICS = frozenset(topic.name for topic in (*REQUESTS, *INBOX))


@dataclass(frozen=True)
class Source:
    """A lane of an input topic that was assigned."""

    topic: str
    partition: int
    committed: int
    """The next offset that the step has not committed."""
    note: str = ""
    """What was written beside that commit."""
    known: bool = False
    """Whether it was ours until now: then its older outcomes are still in memory."""
    crashed: int = 0
    """The epoch of an owner before us, who may have outcomes on their way; 0 for none."""


@dataclass(frozen=True)
class Done:
    """What was done of some lanes before they came."""

    outcomes: Sequence[Outcome]
    """The newest outcomes, in the order of the log; those of uncommitted inputs last."""
    progress: Mapping[Place, Progress]
    """What is done of each lane now."""
    ends: Mapping[Place, int]
    """Output topic and lane -> up to where its outcomes were read."""
    lost: Mapping[Place, tuple[int, int]]
    """Lane -> where it ends, and an offset behind that of an input with an outcome: the topic lost
    its tail or was made anew. Those that lie there now have other ids."""
    set_back: Mapping[Place, str] = field(default_factory=dict)
    """Lanes whose committed offset lies further back than what is remembered of them, and why that
    is known."""


class _Older:
    """Outcomes of an output that lie before what follows the commits, read back from there."""

    def __init__(
        self, extent: Extent, beyond: Mapping[str, int], warm: bool, newer: ReadOutcomes
    ) -> None:
        """`newer`: what was read of what lies behind the extent.

        `beyond`: input topic -> offset before which no input can come again under a later attempt.
        `warm`: whether requests come in, of which copies may come late.
        """
        self._extent = extent
        self._missing = dict(beyond)
        self._warm = warm
        self._records = newer.records
        self._size = newer.size
        self._strides: list[list[Outcome]] = []
        self._stride = STRIDE
        self._reach(newer)

    @property
    def place(self) -> Place:
        """Return its topic and lane."""
        return self._extent.topic, self._extent.partition

    def stride(self) -> Extent | None:
        """Return what to read next; None where nothing matters that lies further back."""
        extent = self._extent
        warms = self._warm and self._records < WARM_RECORDS and self._size < WARM_BYTES
        matters = bool(self._missing) or warms
        if not matters or extent.begin >= extent.end or self._records >= UNTOLD_MAX:
            return None
        return replace(extent, begin=max(extent.begin, extent.end - self._stride))

    def take(self, stride: Extent, written: ReadOutcomes) -> None:
        """Take in what was read of the stride."""
        self._extent = replace(self._extent, end=stride.begin)
        self._stride *= 2
        self._records += written.records
        self._size += written.size
        self._strides.append(written.outcomes)
        self._reach(written)

    def _reach(self, written: ReadOutcomes) -> None:
        for cause in (outcome.cause for outcome in written.outcomes):
            if cause.offset < self._missing.get(cause.topic, cause.offset):
                del self._missing[cause.topic]

    def outcomes(self) -> list[Outcome]:
        """Return what was read, in the order of the log."""
        return [outcome for stride in reversed(self._strides) for outcome in stride]


def read_back(
    consumer: Consumer,
    reader: OutcomeReader,
    step: Step,
    sources: Sequence[Source],
    kept: KeptOutcomes | None = None,
    topic_ids: Mapping[str, str] = MappingProxyType({}),
) -> Done:
    """Read what was done of some lanes, at least of all inputs that are not committed.

    What is `kept` of topics with these ids is not read again. The consumer is one of
    `streams.log.reading`. Blocks; call it in a thread. Raises KafkaException or TimeoutError where
    the broker does not answer. Where the reader has found ids of schemas that it misses, the answer
    may lack outcomes.
    """
    told = {(s.topic, s.partition): progress_of(s.committed, s.note) for s in sources}
    since: list[Extent] = []
    ends: dict[Place, int] = {}
    extents = {(s.topic, s.partition): extent_of(consumer, s.topic, s.partition) for s in sources}
    inputs = {place: extent.end for place, extent in extents.items()}
    askers = _outputs(step, sources)
    wholes = {place: extent_of(consumer, *place) for place in askers}
    outputs = OutputReader(consumer, reader, wholes, kept, topic_ids)
    behind = {
        place: [s for s in asking if s.committed < inputs[s.topic, s.partition]]
        for place, asking in askers.items()
    }
    for place, whole in wholes.items():
        begins = [_begin(told, s, whole) for s in behind[place]]
        begin = max(min([whole.end - STRIDE, *begins]), whole.begin, whole.end - UNTOLD_MAX)
        ends[place] = whole.end
        since.append(replace(whole, begin=begin))
    newest = outputs.read(since)
    older = [
        _Older(
            replace(wholes[place], end=extent.begin),
            {s.topic: s.committed - REACH for s in behind[place]},
            any(s.topic in REQUEST_TOPICS and not s.known for s in askers[place]),
            newest.get(place, ReadOutcomes()),
        )
        for place, extent in zip(wholes, since, strict=True)
    ]
    outcomes = _read_older(outputs, older)
    outputs.keep()
    for written in newest.values():
        outcomes += written.outcomes
    committed = {(s.topic, s.partition): s.committed for s in sources}
    ours = [one for one in outcomes if (one.cause.topic, one.cause.partition) in committed]
    unsure = _unsure(ours, told, committed)
    crashed = {(s.topic, s.partition): s.crashed for s in sources}
    doubted = {_place_of(one) for one in ours if one.last and crashed[_place_of(one)[:2]]} & unsure
    attempts = _attempts(consumer, reader, doubted, extents)
    floors = {at: floor_of(crashed[at[:2]]) + attempts.get(at, 1) for at in unsure}
    ours = _without_late(ours, floors)
    # a history that holds less than all keeps the last
    ours.sort(key=lambda o: o.cause.offset >= committed[o.cause.topic, o.cause.partition])
    progress = {(s.topic, s.partition): _now(s, told[s.topic, s.partition], ours) for s in sources}
    unsaid = {place: offset for place, offset in committed.items() if told[place] is None}
    set_back = _set_back(consumer, reader, unsaid, inputs, ours)
    return Done(ours, progress, ends, _lost(inputs, ours), set_back)


def _outputs(step: Step, sources: Iterable[Source]) -> dict[Place, list[Source]]:
    """Name the lanes in which outcomes of some lanes may lie, with the lanes that they are of."""
    inputs = {topic_of(record): record for record in step.reads}
    outputs: dict[Place, list[Source]] = {}
    for source in sources:
        records_of: tuple[type[Event], ...] = (*step.flows[inputs[source.topic]], EventRejected)
        for record in records_of:
            outputs.setdefault((topic_of(record), source.partition), []).append(source)
    return outputs


def _unsure(
    outcomes: Iterable[Outcome],
    told: Mapping[Place, Progress | None],
    committed: Mapping[Place, int],
) -> set[InputPlace]:
    """Name the inputs that have outcomes, and of which no commit says that they are done.

    What the owner before us knew to be closed, and did not run, stands in its commits: those inputs
    are as done as what is committed, and their outcomes tell their ids, by which a copy is known
    that comes later.
    """
    done = {place: told_of.closed for place, told_of in told.items() if told_of is not None}
    return {
        (topic, partition, offset)
        for topic, partition, offset in map(_place_of, outcomes)
        if offset >= committed[topic, partition] and offset not in done.get((topic, partition), ())
    }


def _attempts(
    consumer: Consumer,
    reader: OutcomeReader,
    unsure: Collection[InputPlace],
    extents: Mapping[Place, Extent],
) -> dict[InputPlace, int]:
    """Read which runs of the step before wrote some inputs: runs over them count from there."""
    offsets: defaultdict[Place, list[int]] = defaultdict(list)
    for topic, partition, offset in unsure:
        if extents[topic, partition].begin <= offset < extents[topic, partition].end:
            offsets[topic, partition].append(offset)
    spans = [Extent(*place, min(of_lane), max(of_lane) + 1) for place, of_lane in offsets.items()]
    attempts = {}
    for message in records(consumer, spans):
        place = (message.topic() or "", message.partition() or 0, message.offset() or 0)
        if place in unsure:
            attempts[place] = reader.attempt_of(message)
    return attempts


def _without_late(outcomes: Sequence[Outcome], floors: Mapping[InputPlace, int]) -> list[Outcome]:
    """Have no run close an open input where a later one is on the log or may still come.

    Numbers rise from owner to owner (see `epochs`). So what closed it came late, or its torso would
    stand behind a whole outcome: steps behind this one believe the later run. And what one closed
    whose lane was lost by another one since, the other may have run as well: `floors` says for each
    open input from which number on. Some of that may be on its way, and not its end.
    """
    newest = dict(floors)
    for one in outcomes:
        if (place := _place_of(one)) in newest:
            newest[place] = max(one.attempt, newest[place])
    return [
        one if one.attempt == newest.get(_place_of(one), one.attempt) else one._replace(last=False)
        for one in outcomes
    ]


def _place_of(outcome: Outcome) -> InputPlace:
    cause = outcome.cause
    return cause.topic, cause.partition, cause.offset


def _lost(inputs: Mapping[Place, int], outcomes: Iterable[Outcome]) -> dict[Place, tuple[int, int]]:
    """Name the lanes of which there are outcomes of inputs beyond their end."""
    newest: dict[Place, int] = {}
    for cause in (outcome.cause for outcome in outcomes):
        place = (cause.topic, cause.partition)
        newest[place] = max(cause.offset, newest.get(place, -1))
    return {
        place: (inputs[place], offset)
        for place, offset in newest.items()
        if offset >= inputs[place]
    }


def _set_back(
    consumer: Consumer,
    reader: OutcomeReader,
    committed: Mapping[Place, int],
    inputs: Mapping[Place, int],
    outcomes: Iterable[Outcome],
) -> dict[Place, str]:
    """Say which lanes would begin so far before what was done that it would be done again.

    `committed` holds those whose commit says nothing. Kafka's own tools can set an offset, and a
    group that nobody joins for a week loses its own. The newest outcome of an input that still lies
    where it was tells how far a lane had come; any other is of a log that is gone.
    """
    newest: dict[Place, Cause] = {}
    for cause in (outcome.cause for outcome in outcomes):
        place = (cause.topic, cause.partition)
        begin = committed.get(place, cause.offset)
        far = cause.offset - begin > REMEMBERED and cause.offset < inputs[place]
        if far and (place not in newest or cause.offset > newest[place].offset):
            newest[place] = cause
    extents = [Extent(*place, cause.offset, cause.offset + 1) for place, cause in newest.items()]
    reasons = {}
    for message in records(consumer, extents):
        place = (message.topic() or "", message.partition() or 0)
        cause = newest[place]
        if reader.id_of(message) == cause.id:
            reasons[place] = (
                f"it was set back to {committed[place]}, but inputs up to {cause.offset} have "
                f"outcomes, and more than {REMEMBERED} would get another one (those before offset "
                f"{cause.offset - REACH} need none)"
            )
    return reasons


def _begin(told: Mapping[Place, Progress | None], source: Source, output: Extent) -> int:
    """Return from where on an output tells what the commit of a lane does not."""
    progress = told[source.topic, source.partition]
    if progress is not None:
        return progress.after.get(output.topic, output.begin)
    if output.end - UNTOLD_MAX > output.begin:
        log.warning(
            "no commit tells what was done, and the log is long: inputs may be run again",
            topic=output.topic,
            lane=output.partition,
            read=UNTOLD_MAX,
        )
    return output.begin


def _read_older(outputs: OutputReader, older: Collection[_Older]) -> list[Outcome]:
    """Read older outcomes, stride by stride from the end, as far as they matter.

    The outputs side by side: to begin to read somewhere takes longer than to read what lies there.
    """
    while strides := {one: stride for one in older if (stride := one.stride()) is not None}:
        written = outputs.read(strides.values())
        for one, stride in strides.items():
            one.take(stride, written.get(one.place, ReadOutcomes()))
    return [outcome for one in older for outcome in one.outcomes()]


def _now(source: Source, told: Progress | None, outcomes: Iterable[Outcome]) -> Progress:
    """Join what the commit of a lane tells with the outcomes written since."""
    told = told or Progress(source.committed)
    closed = {offset for offset in told.closed if offset >= source.committed}
    attempts = {offset: n for offset, n in told.open.items() if offset >= source.committed}
    for outcome in outcomes:
        cause: Cause = outcome.cause
        if (cause.topic, cause.partition) != (source.topic, source.partition):
            continue
        if cause.offset < source.committed:
            continue
        if outcome.last:
            closed.add(cause.offset)
        attempts[cause.offset] = max(outcome.attempt, attempts.get(cause.offset, 0))
    return Progress(
        committed=source.committed,
        closed=frozenset(closed),
        open={offset: n for offset, n in attempts.items() if offset not in closed},
    )
