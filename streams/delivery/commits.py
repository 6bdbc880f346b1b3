"""Commits: what the lanes have finished, told to the group together with what lies done beyond it.

What is due is said on the event loop, where acknowledgements arrive; the reader's thread hands it
to the client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from streams.delivery.lane import Lane, Place
from streams.delivery.progress import Ownership, note_of, note_with, ownership_of
from streams.log.reading import tells_of_end
from streams.watching.logs import logger

log = logger("commits")


NO_NOTES = frozenset({KafkaError.OFFSET_METADATA_TOO_LARGE})
"""The broker's `offset.metadata.max.bytes` is below its default: a takeover reads more instead."""


class Commit(NamedTuple):
    """What is to be committed of a lane."""

    lane: Lane
    offset: int
    note: str
    changes: int = 0
    """Changes of the lane that it tells; noted where it is handed over, for it may be overtaken."""


def due(lanes: Iterable[Lane], *, old_notes: bool = True) -> list[Commit]:
    """Say what is new since the last commit of each lane; call it on the event loop.

    Whether a note has grown old is looked at where `old_notes` says so: it has to ask what others
    wrote.
    """
    return [
        _commit(lane)
        for lane in lanes
        if lane.learned
        and not lane.displaced
        and (lane.changed or lane.given_up or (old_notes and lane.note_is_old))
    ]


def _commit(lane: Lane) -> Commit:
    progress = lane.progress()
    says = progress.after or progress.topic  # nobody has told it what was done before, or of what
    if lane.takes_notes and says and (note := note_of(progress)) is not None:
        lane.note, lane.noted_after = note, progress.after
    return Commit(lane, progress.committed, lane.note, lane.changes)


def unnoted(lanes: Iterable[Lane]) -> list[Commit]:
    """Say what is finished where the event loop does not answer: the older note still holds."""
    return [
        Commit(lane, lane.safe, lane.note, lane.changes)
        for lane in lanes
        if lane.safe > lane.requested
    ]


def claim(lanes: Iterable[Lane]) -> list[Commit]:
    """Say what makes some lanes ours, which have just come; call it on the event loop.

    Nothing of them may run before the group has taken it; see `epochs`.
    """
    claims = []
    for lane in lanes:
        before = ownership_of(lane.base, lane.note)
        if before is None:  # a note of Kafka's own tools, say, or none
            lane.epoch = int(not lane.untouched)
        else:
            lane.epoch = before.epoch + (not before.left)
            lane.crashed = _crashed(before)
        ours = Ownership(lane.epoch, crashed=lane.crashed)
        lane.note = note_with(lane.base, lane.note, ours)
        claims.append(Commit(lane, lane.base, lane.note, lane.changes))
    return claims


def _crashed(before: Ownership) -> int:
    """Return whose outcomes may be on their way; who has run nothing has none."""
    if before.crashed is not None:
        return before.crashed
    return 0 if before.left else before.epoch


def inherited(lanes: Iterable[Lane]) -> list[Commit]:
    """Say what was learned of lanes that have just come, and that we run from now on.

    Nothing of them may run before the group has taken it. Else who takes a lane from us can't tell
    what we knew to be done from what we may have run again, and runs it behind what rests on it;
    see `epochs`. Call it on the event loop.
    """
    commits = []
    for lane in lanes:
        if lane.takes_notes and not lane.displaced:
            lane.note = note_with(lane.base, lane.note, Ownership(lane.epoch))
            commits.append(_commit(lane))
    return commits


class Commits:
    """Hands commits to the client; used in the reader's thread alone."""

    def __init__(self, lanes: Callable[[], Mapping[Place, Lane]]) -> None:
        self._lanes = lanes

    def commit(self, client: Client, commits: Iterable[Commit], *, asynchronous: bool) -> None:
        """Commit; what fails is asked for again with the next one.

        Raises KafkaException where the client has ended; so does `taken_again`.
        """
        offsets = []
        for lane, offset, note, changes in commits:
            lane.requested = offset
            lane.committed_changes = changes
            offsets.append(TopicPartition(lane.topic, lane.partition, offset, metadata=note))
        if not offsets:
            return
        try:
            if asynchronous:
                client.commit(offsets=offsets, asynchronous=True)
            else:
                client.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            if tells_of_end(error):
                raise
            log.warning("a commit failed", error=name_of(error))
            self._ask_again(offsets)

    def taken_again(self, client: Client, lanes: Iterable[Lane]) -> bool:
        """Say whether the group takes a commit of ours, or we have no lane to commit for.

        It is one that changes nothing: what is finished of a lane, with the note of before.
        """
        for lane in lanes:
            note = lane.note  # read first: an older note still holds beside a newer offset
            place = TopicPartition(lane.topic, lane.partition, lane.safe, metadata=note)
            try:
                client.commit(offsets=[place], asynchronous=False)
            except KafkaException as error:
                if tells_of_end(error):
                    raise
                log.warning("the group takes no commit of ours", error=name_of(error))
                return False
            return True
        return True

    def claimed(self, client: Client, claims: Sequence[Commit]) -> bool:
        """Say whether the group takes what makes lanes ours; False: it is to be asked again."""
        places = [
            TopicPartition(lane.topic, lane.partition, offset, metadata=note)
            for lane, offset, note, _ in claims
        ]
        try:
            answers = client.commit(offsets=places, asynchronous=False) if places else ()
        except KafkaException as error:
            if tells_of_end(error):
                raise
            refused = [error.args[0]]
        else:
            refused = [at.error for at in answers or () if at.error is not None]
        if refused and all(one.code() in NO_NOTES for one in refused):
            for lane, *_ in claims:
                lane.takes_notes, lane.note = False, ""
            log.warning(
                "the broker keeps no notes beside offsets: late outcomes are not told apart"
            )
            return True
        if refused:
            log.warning("the group does not take the lanes for ours yet", error=refused[0].name())
        return not refused

    def committed(self, error: KafkaError | None, partitions: Sequence[TopicPartition]) -> bool:
        """Take the broker's answer to a commit; librdkafka calls this within a poll.

        Returns whether it took that inputs were finished which were not when their lanes came.
        """
        refused = [at for at in partitions if error is not None or at.error is not None]
        if refused:
            why = error or refused[0].error
            log.warning("a commit was refused", lanes=len(refused), error=why and why.name())
        self._ask_again(refused)
        return not refused and any(self._is_news(at) for at in partitions)

    def _is_news(self, at: TopicPartition) -> bool:
        lane = self._lanes().get((at.topic, at.partition))
        return lane is not None and at.offset > lane.base

    def _ask_again(self, partitions: Iterable[TopicPartition]) -> None:
        lanes = self._lanes()
        for at in partitions:
            if (lane := lanes.get((at.topic, at.partition))) is not None:
                if at.error is not None and at.error.code() in NO_NOTES:
                    lane.takes_notes, lane.note = False, ""
                lane.requested = lane.base
                lane.committed_changes = -1


def name_of(error: KafkaException) -> str:
    """Return the name of an error of the client."""
    reason = error.args[0]
    return reason.name() if isinstance(reason, KafkaError) else str(reason)
