"""One recorded question, taken through the steps again with something changed.

A step over what it read then, with nothing changed in it, is not run: its outcome is the record's.
From the first step that is, the following ones take as their input what it comes to; where that is
what stands in the record after all, the record goes on. Nothing is published, so a walk leaves
nothing behind but what it returns.

Each question is asked by itself: its conversation before it is as recorded, since whoever asked had
read those answers. A text in which a value stands that the record replaced is shown to nobody: the
walk ends there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from msgspec.structs import replace

from agents.errors import BeyondMeans, KeyDestroyed, Permanent, Transient
from replay.debugging.recorded_attempts import RecordedAttempt
from replay.recorded import Contradiction
from replay.whatif.answers_compared import EffectDifference, content_difference
from replay.whatif.counterfactual_run import Counterfactual, CounterfactualRun
from replay.whatif.known_plain import KnownPlain
from replay.whatif.outside import (
    ASKED,
    OF_THE_INDEX,
    Lacking,
    NotRun,
    Outside,
    RequestKind,
    SubjectErased,
)
from replay.whatif.recorded_chains import CHAIN, RecordedChain
from schemas import Begun, Event, EventRejected, MapEntry, QuestionRedacted, Unseal
from streams.log.codec import Codec, Undecodable
from streams.running.run import Input
from streams.running.world import Call
from streams.topics import Step, step, topic_of


class Alteration(Protocol):
    """What is changed in how steps run."""

    def configuration(self, step: str, digest: str) -> str:
        """Return the digest of the configuration that a step runs with in place of another."""

    def policy(self, digest: str) -> str:
        """Return the digest of the policy that is in force in place of another."""

    def values(self, digest: str) -> dict[str, Any]:
        """Return the values behind a digest, those of the log included."""

    def code(self, version: str) -> str:
        """Return the version of the code by whose rules a step runs."""


class AsRecorded:
    """Changes nothing."""

    def __init__(self, values: Callable[[str], dict[str, Any]]) -> None:
        self._values = values

    def configuration(self, _step: str, digest: str) -> str:
        """Return the one of then."""
        return digest

    def policy(self, digest: str) -> str:
        """Return the one of then."""
        return digest

    def values(self, digest: str) -> dict[str, Any]:
        """Return what the log holds."""
        return self._values(digest)

    def code(self, version: str) -> str:
        """Return the one of then."""
        return version


@dataclass
class StepComparison:
    """What a step came to now, beside what it came to then."""

    step: str
    recorded: Sequence[Event]
    now: list[Event]
    ran: bool
    """Whether it was run: else the record's outcome stands for it."""
    strayed: str = ""
    """What it asked first that the record does not hold."""
    otherwise: list[EffectDifference] = field(default_factory=list)
    """What was answered otherwise than then."""
    failed: str = ""
    """Why it gave up."""

    @property
    def difference(self) -> tuple[str, str, str] | None:
        """The first field in which the outcomes differ, with both values; None for the same."""
        if self.failed:
            gave_up = any(isinstance(event, EventRejected) for event in self.recorded)
            return None if gave_up else ("", "an outcome", self.failed)
        for number, (one, other) in enumerate(zip(self.recorded, self.now, strict=False)):
            if found := content_difference(one, other):
                path, then, now = found
                return f"{one.SCHEMA}[{number}]{'.' if path else ''}{path}", then, now
        if len(self.recorded) != len(self.now):
            return "", f"{len(self.recorded)} records", f"{len(self.now)} records"
        return None


@dataclass
class WalkedChain:
    """What came of a walk."""

    chain: RecordedChain
    steps: list[StepComparison] = field(default_factory=list)
    plain: KnownPlain = field(default_factory=KnownPlain)
    leaked: tuple[str, ...] = ()
    """Placeholders of the record whose values now stand in the text."""
    not_run: NotRun | None = None
    calls: int = 0
    cost_micros: int = 0
    assumed: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    """Live calls that failed for good: the step did without their answers."""

    def outcomes(self, name: str) -> Sequence[Event]:
        """Return what a step came to now."""
        return next((one.now for one in self.steps if one.step == name), ())

    @property
    def first_difference(self) -> StepComparison | None:
        """The first step whose outcome is another one."""
        return next((one for one in self.steps if one.difference), None)


class ChainWalker:
    """Takes recorded questions through the steps."""

    def __init__(
        self,
        codec: Codec,
        digest_key: Callable[[str], bytes],
        outside: Outside,
        alteration: Alteration,
        *,
        anew: frozenset[RequestKind] = frozenset(),
        thorough: bool = False,
        steps: Sequence[Step] = CHAIN,
    ) -> None:
        """`anew` is asked outside even where the record answers it.

        `thorough` runs each step, one in which nothing is changed over what it read then, too.
        """
        self._codec = codec
        self._digest_key = digest_key
        self._outside = outside
        self._alteration = alteration
        self._anew = anew
        self._thorough = thorough
        self._steps = steps

    async def walk(self, chain: RecordedChain, *, to_first_difference: bool = False) -> WalkedChain:
        """Take one question through the steps; raises CapReached.

        Whatever else keeps it from being run to its end is told in what is returned.
        """
        walked, caps = WalkedChain(chain), self._outside.caps
        about = self.about(chain.asked.meta.tenant)
        calls, cost_micros = caps.calls.total(), caps.cost_micros
        try:
            await self._may_be_run(chain, walked)
            await self._follow(chain, walked, about, to_first_difference=to_first_difference)
        except NotRun as reason:
            walked.not_run = reason
        except Contradiction as reason:
            walked.not_run = Lacking(str(reason))
        walked.calls = caps.calls.total() - calls
        walked.cost_micros = caps.cost_micros - cost_micros
        walked.assumed = tuple(sorted(about.assumed))
        walked.failures = tuple(about.failures)
        return walked

    def about(self, tenant: str) -> Counterfactual:
        """Return what runs over one request of a tenant have in common."""
        return Counterfactual(
            self._codec,
            lambda: self._digest_key(tenant),
            self._alteration.values,
            self._outside,
            self._anew,
        )

    async def run_again(
        self, run: RecordedAttempt, about: Counterfactual
    ) -> tuple[list[Event], list[Event]]:
        """Run a step over what it read then; return what it came to, and comes to now.

        Raises NotRun, CapReached.
        """
        recorded = [outcome.event for outcome in run.attempt.outcomes]
        compared = StepComparison(run.step.name, recorded, [], ran=True)
        begun = self._changed(run.step, self._begun(run))
        await self._run_over(run.given, begun, run, about, compared)
        if compared.failed:
            raise Lacking(compared.failed)
        return recorded, compared.now

    async def _may_be_run(self, chain: RecordedChain, walked: WalkedChain) -> None:
        """Raise NotRun for a question that was not finished then, or of somebody who was erased."""
        if not chain.complete or not chain.runs:
            raise Lacking("the record has no end: it is still in progress, or was never closed")
        first = next(iter(chain.runs.values()))[0]
        if await self._opens(chain, first):
            walked.plain.learn(await self._values_behind(chain, first))

    async def is_erased(self, chain: RecordedChain) -> bool:
        """Say whether who asked was erased, as far as the keys here tell."""
        try:
            await self._opens(chain, next(iter(chain.runs.values()))[0])
        except SubjectErased:
            return True
        return False

    async def _opens(self, chain: RecordedChain, first: RecordedAttempt) -> bool:
        """Say whether the question can be opened; raises SubjectErased."""
        try:
            await self._outside.execute(Unseal(values=(chain.asked.text,)), Call.over(first.given))
        except KeyDestroyed as error:
            raise SubjectErased(str(error)) from None
        except (Lacking, Permanent):
            return False  # who can't open it can't tell; steps that must will say so
        return True

    async def _values_behind(self, chain: RecordedChain, first: RecordedAttempt) -> dict[str, str]:
        """Return the values that the record replaced in the question, with their placeholders."""
        known: dict[str, str] = {}
        for event in chain.outcomes("redact"):
            for entry in event.entries if isinstance(event, QuestionRedacted) else ():
                if plain := await self._opened(entry, Call.over(first.given)):
                    known[plain] = entry.placeholder
        return known

    async def _opened(self, entry: MapEntry, call: Call) -> str:
        try:
            answer: Any = await self._outside.execute(Unseal(values=(entry.value,)), call)
        except (Lacking, Permanent):
            return ""
        return str(answer.values[0].decode("utf-8", "replace"))

    async def _follow(
        self,
        chain: RecordedChain,
        walked: WalkedChain,
        about: Counterfactual,
        *,
        to_first_difference: bool,
    ) -> None:
        events: list[Event] = [chain.asked]
        as_recorded = True
        for one in self._steps:
            inputs = [event for event in events if type(event) in one.reads]
            if not inputs:
                return
            runs = chain.runs.get(one.name, ())
            if as_recorded and not any(self._touches(one, run) for run in runs):
                walked.steps.append(
                    StepComparison(one.name, then := chain.outcomes(one.name), then, ran=False)
                )
                events = then
                continue
            compared = await self._ran(one, inputs, runs, about, walked)
            walked.plain.learn(about.sealed)
            walked.steps.append(compared)
            if compared.failed or (compared.difference and to_first_difference):
                return
            self._hold_back(one, compared, walked)
            if walked.leaked:
                return
            as_recorded = compared.difference is None
            events = list(compared.recorded if as_recorded else compared.now)

    def _touches(self, one: Step, run: RecordedAttempt) -> bool:
        """Say whether a run is to be run again over what it read then."""
        if self._thorough:
            return True
        if any(effect.kind in {kind.SCHEMA for kind in self._anew} for effect in _effects(run)):
            return True
        begun = self._begun(run)
        return self._changed(one, begun) != begun

    def _changed(self, one: Step, begun: Begun) -> Begun:
        return replace(
            begun,
            configuration=self._alteration.configuration(one.name, begun.configuration),
            policy=self._alteration.policy(begun.policy) if one.by_policy else begun.policy,
            code=self._alteration.code(begun.code),
        )

    def _begun(self, run: RecordedAttempt) -> Begun:
        try:
            begun = self._codec.decode(_effects(run)[0].response, Begun)
        except (IndexError, Undecodable) as error:
            raise Lacking(f"the beginning of {run} can't be read: {error}") from None
        return begun

    async def _ran(
        self,
        one: Step,
        inputs: Sequence[Event],
        runs: Sequence[RecordedAttempt],
        about: Counterfactual,
        walked: WalkedChain,
    ) -> StepComparison:
        """Run a step over all of its inputs, each held against the run over its counterpart."""
        if not runs:
            raise Lacking(f"{one.name} was not run over it then: its configuration is not known")
        compared = StepComparison(one.name, walked.chain.outcomes(one.name), [], ran=True)
        for number, event in enumerate(inputs):
            run = runs[number] if number < len(runs) else None
            offset = run.given.offset if run else -1
            given = Input(event, topic_of(event), event.meta.lane, offset)
            begun = self._changed(one, self._begun(run or runs[0]))
            await self._run_over(given, begun, run, about, compared)
            if compared.failed:
                break
        return compared

    async def _run_over(
        self,
        given: Input,
        begun: Begun,
        run: RecordedAttempt | None,
        about: Counterfactual,
        compared: StepComparison,
    ) -> None:
        """Run a step over one input, held against a run over its counterpart where there is one."""
        one, recorded = step(compared.step), _effects(run) if run else ()
        fx = CounterfactualRun(
            one, given, compared.now.append, about, begun=begun, recorded=recorded
        )
        try:
            await fx.execute()
        except (Permanent, Transient) as error:
            if isinstance(error, BeyondMeans):
                raise Lacking(f"{one.name}: {error}") from None
            compared.failed = f"{one.name} gives up: {type(error).__name__}: {error}"
        except Exception as error:  # noqa: BLE001 - whatever a changed configuration leads to
            compared.failed = f"{one.name} breaks: {type(error).__name__}"
        compared.strayed = compared.strayed or fx.strayed
        compared.otherwise += fx.otherwise

    def _hold_back(self, one: Step, compared: StepComparison, walked: WalkedChain) -> None:
        """End a walk whose text holds a value that the record replaced."""
        if one.name != "redact":
            return
        texts = [event.text for event in compared.now if isinstance(event, QuestionRedacted)]
        walked.leaked = walked.plain.standing_in("\n".join(texts))


def _effects(run: RecordedAttempt) -> list[Any]:
    return [effect for one in run.attempt.outcomes for effect in one.event.meta.effects]


ALL_LIVE: frozenset[RequestKind] = ASKED
"""What `replay run` asks again."""
INDEX_LIVE: frozenset[RequestKind] = OF_THE_INDEX
"""What another index is asked."""
