"""Run the step of one attempt again, over its input, on the effects that the log holds of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agents.changes import BOUNDED_IDS, has
from agents.errors import BeyondMeans, HeldTooLong, Permanent, Transient
from replay.giving_up import against_raised, against_unread, doubt_of_unfit, fits
from replay.log import Stored
from replay.other_versions import doubted, told_versions
from replay.producers_asked import against_gate, is_unproved
from replay.recorded import (
    Contradiction,
    Divergence,
    Erased,
    Exhausted,
    GivenUp,
    Heed,
    RecordedRun,
    Unverifiable,
    heed_nothing,
)
from replay.rules import Attempt, Rerun
from schemas import Event, EventRejected, Request
from streams.log.codec import Codec, Undecodable
from streams.running.admit import Unreadable, check_place, rejection
from streams.running.run import Input
from streams.running.world import Handler
from streams.topics import REQUESTS, Step, topic_of
from streams.version import RUNTIME_WITH_POLICY

HELD = "the step was ended because it computed for too long, so it is not run again"


ASKED = frozenset(topic.name for topic in REQUESTS)
UNREAD = "it rejects a record for its producer, and that record can't be read at all"


class DidNotFit(BaseException):
    """What a step yields that asks for nothing fits no record: its dead letter says the truth."""


class Reruns:
    """Runs steps again; what it needs for that is the same for every attempt of a log.

    `local` answers the local effects, `digest_key` gives a tenant's key for digests, and
    `configuration` the values behind a digest; `runtime` names the versions that run steps here.
    """

    def __init__(
        self,
        codec: Codec,
        local: Mapping[type[Request[Any]], Handler],
        digest_key: Callable[[str], bytes],
        configuration: Callable[[str], dict[str, Any]],
        runtime: str = RUNTIME_WITH_POLICY,
        make_run: Callable[..., RecordedRun] = RecordedRun,
    ) -> None:
        """`make_run` takes what RecordedRun takes: one that is watched, say."""
        self._codec = codec
        self._local = local
        self._digest_key = digest_key
        self._configuration = configuration
        self._runtime = runtime
        self._make_run = make_run

    async def rerun(
        self,
        step: Step,
        given: Input,
        stored: Stored,
        attempt: Attempt,
        least: int = 1,
        heed: Heed = heed_nothing,
    ) -> Rerun:
        """Run a step again; `stored` is the input as it lies on the log.

        `least` is the lowest number that a run over it can have had, `heed` is told of what the log
        answers. Not one that was ended because
        it computed without end: it would do so here.
        """
        if _was_held(attempt):
            return Rerun([], lack=HELD)
        given = self._as_then(step, given, stored, attempt)
        if reason := self._against_producer(step, stored, attempt):
            return Rerun([], reason, certain=True)
        computed: list[Event] = []
        run = self._run(step, given, attempt, computed, heed)
        try:
            came = await _came_of(run, given, stored, computed, attempt.outcomes[-1].event, least)
        except DidNotFit:
            came = await self._rejected(step, given, stored, attempt)
        if differs := run.other_versions():
            return doubted(came, attempt.outcomes, attempt.closed, differs, self._codec)
        return came

    def _as_then(self, step: Step, given: Input, stored: Stored, attempt: Attempt) -> Input:
        """Admit an input by the rules of the code that wrote the attempt, where it was wider."""
        code = attempt.outcomes[0].event.meta.step.code
        if not isinstance(given.event, Unreadable) or is_unproved(attempt.outcomes[-1].event):
            return given
        event = self._read(step, stored, bounded=has(code, BOUNDED_IDS))
        return given if event is None else given._replace(event=event)

    def _read(self, step: Step, stored: Stored, *, bounded: bool) -> Event | None:
        """Read an input as its step did; None where it reaches no step."""
        for record in step.reads:
            if topic_of(record) == stored.topic:
                try:
                    event = self._codec.decode(stored.value, record)
                    check_place(event, stored.key, stored.partition, bounded=bounded)
                except Undecodable:
                    return None
                return event
        return None

    def _against_producer(self, step: Step, stored: Stored, attempt: Attempt) -> str:
        """Say what speaks against what a run made of who wrote its input."""
        if stored.topic not in ASKED and not is_unproved(attempt.outcomes[-1].event):
            return ""  # a step wrote it: nobody asks
        event = self._read(step, stored, bounded=True)
        if event is None:  # what can't be read is asked nothing
            return UNREAD if is_unproved(attempt.outcomes[-1].event) else ""
        try:
            return against_gate(self._codec, self._configuration, attempt, stored, event)
        except Divergence as lack:
            return str(lack)

    def _run(
        self,
        step: Step,
        given: Input,
        attempt: Attempt,
        computed: list[Event],
        heed: Heed = heed_nothing,
    ) -> RecordedRun:
        nobodys = isinstance(given.event, Unreadable)
        effects = [effect for one in attempt.outcomes for effect in one.event.meta.effects]

        def emit_fitting(event: Event) -> None:
            """Take an outcome, unless it is what a run that asked for nothing gave up on."""
            if not isinstance(event, EventRejected) and not fits(self._codec, event):
                raise DidNotFit
            computed.append(event)

        return self._make_run(
            step,
            given,
            emit_fitting if attempt.gave_up_at_once else computed.append,
            effects=effects,
            closed=attempt.closed,
            codec=self._codec,
            digest_key=lambda: b"" if nobodys else self._key_of(given.event.meta.tenant),
            local=self._local,
            configuration=self._configuration,
            told=told_versions(attempt.outcomes),
            runtime=self._runtime,
            heed=heed,
        )

    async def _rejected(self, step: Step, given: Input, stored: Stored, attempt: Attempt) -> Rerun:
        """Do as the run did that followed one whose outcome did not fit."""
        computed: list[Event] = []
        run = self._run(step, given, attempt, computed)
        await run.begin()
        await run.reject(rejection(step.name, given, stored.key, stored.value))
        return Rerun(computed)

    def _key_of(self, tenant: str) -> bytes:
        try:
            return self._digest_key(tenant)
        except (Transient, Permanent) as error:
            raise Unverifiable(f"its digests need a key: {error}") from None


def _was_held(attempt: Attempt) -> bool:
    """Say whether a step was ended because it computed for too long."""
    end = attempt.outcomes[-1].event
    return isinstance(end, EventRejected) and end.error == HeldTooLong.__name__


async def _came_of(
    run: RecordedRun,
    given: Input,
    stored: Stored,
    computed: Sequence[Event],
    end: Event,
    least: int,
) -> Rerun:
    """Say what comes of a run that yields into `computed`."""
    try:
        reason = await _follow(run, given, stored, end, least)
    except Erased:
        return Rerun(computed, erased=True)
    except Unverifiable as lack:
        return Rerun(computed, lack=str(lack))
    except Exhausted:
        return Rerun(computed)
    except Divergence as difference:
        return Rerun(computed, str(difference), certain=isinstance(difference, Contradiction))
    return Rerun(computed, reason)


async def _follow(run: RecordedRun, given: Input, stored: Stored, end: Event, least: int) -> str:
    """Let a run go the way of its record; return why it did not come to the record's end.

    `end` is the last record of the attempt: the dead letter, where there is one.
    """
    reject = rejection(run.step.name, given, stored.key, stored.value)
    reason = ""
    try:
        if isinstance(given.event, Unreadable):
            reason = against_unread(end)
            if not isinstance(end, EventRejected):
                return reason
            await run.begin()
            await run.reject(reject)
        else:
            await run.execute()
    except GivenUp:
        doubt = doubt_of_unfit(run.step, given.event, end, least)
        await run.reject(reject)
        if doubt:
            raise Unverifiable(doubt) from None
    except Exception as error:  # noqa: BLE001 - whatever a step may raise
        if isinstance(error, BeyondMeans):  # of the step itself: no rule says what came of it
            raise Unverifiable(f"{run.step.name} can't be run again: {error}") from None
        if not run.failed():
            return f"{run.step.name} now gives up: {type(error).__name__}: {error}"
        reason = against_raised(error, end, least)
        await run.reject(reject)
    if run.unused():
        return f"{run.unused()} recorded effects were not asked for"
    return reason
