"""A run of a step that answers from the record while it can, and asks outside where it can't.

The first requests are held against the record one by one, as at a replay. From the first that is
not the recorded one, a request is answered from the record only where its step asked the same there
(the same text is not embedded twice), and else outside. Time goes on from the record: the clock
shows what it showed then, and later what the calls before took. So no deadline of then has passed.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from msgspec.structs import replace

from agents.errors import BeyondMeans, KeyDestroyed, Permanent, Transient
from replay.effect_rules import answered, described
from replay.recorded import error_of
from replay.whatif.answers_compared import EffectDifference, effect_difference
from replay.whatif.outside import (
    KEPT_HERE,
    OF_TABLES,
    Lacking,
    NotRun,
    Outside,
    RequestKind,
    SubjectErased,
)
from schemas import (
    Begin,
    Begun,
    DocumentState,
    Effect,
    Instant,
    Now,
    Placeholders,
    ReadDocument,
    ReadPlaceholders,
    ReadRelease,
    ReadTurns,
    Record,
    ReleaseState,
    Request,
    Seal,
    StreamRequest,
    Turns,
    WritePlaceholders,
    WriteRelease,
)
from streams.log.codec import Codec, Undecodable
from streams.running.digests import UnknownForm, is_digest_of_request
from streams.running.live import error_text, foreseen
from streams.running.run import Emit, Input, Run
from streams.running.world import Call
from streams.topics import Step

NOTHING_KEPT: Mapping[RequestKind, Record] = {
    ReadPlaceholders: Placeholders(),
    ReadTurns: Turns(),
    ReadRelease: ReleaseState(),
    ReadDocument: DocumentState(),
}
"""What a table holds where neither the record nor this request tells."""


class RequestTables:
    """What one request has left in the tables, as far as it left anything here."""

    def __init__(self) -> None:
        self._placeholders: dict[str, Placeholders] = {}
        self._releases: list[ReleaseState] = []

    def write(self, request: Request[Any]) -> None:
        """Remember a write."""
        if isinstance(request, WritePlaceholders):
            self._placeholders[request.scope] = request.state
        elif isinstance(request, WriteRelease):
            self._releases.append(request.state)

    def read(self, request: Request[Any]) -> Record | None:
        """Return what was written; None where nothing was."""
        if isinstance(request, ReadPlaceholders):
            return self._placeholders.get(request.scope)
        if isinstance(request, ReadRelease):
            before = (one for one in reversed(self._releases) if one.batch < request.batch)
            return next(before, None)
        return None


@dataclass
class Counterfactual:
    """What the runs over one request have in common, and what came up in them."""

    codec: Codec
    digest_key: Callable[[], bytes]
    configuration: Callable[[str], dict[str, Any]]
    outside: Outside
    anew: frozenset[RequestKind] = frozenset()
    """Asked outside even where the record has the answer."""
    tables: RequestTables = field(default_factory=RequestTables)
    sealed: dict[str, str] = field(default_factory=dict)
    """Plain value -> its placeholder, of what was sealed here."""
    failures: list[str] = field(default_factory=list)
    """Calls that went outside and failed for good."""
    assumed: set[str] = field(default_factory=set)
    """Requests to tables that nobody here can answer: answered as if there were nothing."""


class CounterfactualRun(Run):
    """Answers from the record, and else outside."""

    def __init__(
        self,
        step: Step,
        given: Input,
        emit: Emit,
        about: Counterfactual,
        *,
        begun: Begun,
        recorded: Sequence[Effect] = (),
    ) -> None:
        """Hold a run against the effects `recorded`; it begins as `begun` says."""
        super().__init__(step, given, emit)
        self._about = about
        self._begins = begun
        self._recorded: defaultdict[int, list[Effect]] = defaultdict(list)
        for effect in recorded:
            self._recorded[effect.number].append(effect)
        self._used: set[int] = set()
        self.strayed = ""
        """What it asked first that the record does not hold."""
        self.otherwise: list[EffectDifference] = []
        """What was answered otherwise than in the record."""

    @cached_property
    def _call(self) -> Call:
        return replace_deadline(Call.over(self.input))

    @cached_property
    def _digest_key(self) -> bytes:
        try:
            return self._about.digest_key()
        except (BeyondMeans, Transient, Permanent) as error:
            raise Lacking(str(error)) from None

    def _configuration(self, digest: str) -> dict[str, Any]:
        return self._about.configuration(digest)

    async def gather(self, *requests: Request[Any]) -> tuple[Any, ...]:
        """Ask several things, one after the other: whatever ends the run leaves no call behind.

        All begin at the same time of the run's clock, as they did live.
        """
        self._flush(last=False)
        numbered = [(self._next(), request) for request in requests]
        answers = [await self._answered(number, request) for number, request in numbered]
        return self._consume_all(answers)

    # ------------------------------------------------------------------ what the record holds

    def _kept_of(self, number: int, request: Request[Any]) -> list[Effect]:
        """Return the recorded effect that answers a request, in its parts; none where none does."""
        parts = self._recorded.get(number, [])
        if not self.strayed:
            if parts and self._is_of(parts[0], request):
                self._used.add(number)
                return parts
            self.strayed = self._told_stray(number, request, parts)
        if isinstance(request, Now):
            return []
        for place, others in self._recorded.items():
            if place not in self._used and self._is_of(others[0], request):
                self._used.add(place)
                return others
        return []

    def _is_of(self, effect: Effect, request: Request[Any]) -> bool:
        if effect.kind != request.SCHEMA or not effect.request:
            return False
        key = self._digest_key if request.PERSONAL else b""
        try:
            return is_digest_of_request(effect.request, request, key)
        except UnknownForm as error:
            raise Lacking(f"effect {effect.number} ({effect.kind}) has {error}") from None

    def _told_stray(self, number: int, request: Request[Any], parts: Sequence[Effect]) -> str:
        held = "no such effect"
        if parts:
            held = f"{parts[0].kind} with {answered(parts[0], self._decoded(parts[0]))}"
        return f"effect {number} now asks {described(request)}; the record holds {held}"

    def _decoded(self, effect: Effect) -> Record | None:
        try:
            held = effect.response
            return None if held is None else self._about.codec.decode_any(held)
        except Undecodable:
            return None

    def _recorded_answer(self, effect: Effect, request: Request[Any]) -> Record | Exception:
        if effect.error:
            return error_of(effect.error)
        try:
            return self._about.codec.decode(effect.response, request.RESPONSE)
        except Undecodable as error:
            raise NotRun(f"effect {effect.number} ({effect.kind}) is unreadable: {error}") from None

    # ------------------------------------------------------------------ how requests are answered

    def _ask_at_once(
        self, number: int, request: Request[Any]
    ) -> tuple[Record | Exception, Effect] | None:
        if isinstance(request, Begin):
            held = self._kept_of(number, request)
            return self._begins, self._effect(number, request, held[:1], self._begins.at)
        if request.EFFECT == "local" or type(request) in self._about.anew:
            return None
        held = self._kept_of(number, request)
        if type(request) in OF_TABLES:
            return self._from_table(number, request, held)
        if held:
            if type(request) in KEPT_HERE:
                self._about.tables.write(request)
            return self._recorded_answer(held[0], request), held[0]
        if isinstance(request, Now):
            return Instant(at=self._at), self._effect(number, request)
        return None

    def _from_table(
        self, number: int, request: Request[Any], held: Sequence[Effect]
    ) -> tuple[Record | Exception, Effect]:
        left = self._about.tables.read(request)
        if held:
            recorded = self._recorded_answer(held[0], request)
            if left is None or left == recorded:
                return recorded, held[0]
        if left is None:
            self._about.assumed.add(request.SCHEMA)
            left = NOTHING_KEPT[type(request)]
        return left, self._effect(number, request)

    async def _ask(self, number: int, request: Request[Any]) -> tuple[Record | Exception, Effect]:
        held: Sequence[Effect] = ()
        if request.EFFECT == "local" or type(request) in self._about.anew:
            held = self._kept_of(number, request)
        if request.EFFECT == "local":
            return await self._executed(number, request, held)
        clock = time.perf_counter_ns()
        answer: Record | Exception
        try:
            answer = await self._about.outside.ask(request, self._call)
        except Exception as error:  # noqa: BLE001 - whatever leaves the world is an answer
            answer = self._failed(request, error)
        if type(request) in KEPT_HERE:
            self._about.tables.write(request)
        if held:
            self._compare(held, request, [answer])
        took_us = (time.perf_counter_ns() - clock) // 1_000
        return answer, self._effect(number, request, took_us=took_us, answer=answer)

    async def _executed(
        self, number: int, request: Request[Any], held: Sequence[Effect]
    ) -> tuple[Record | Exception, Effect]:
        if isinstance(request, Seal):
            for item in request.values:
                placeholder = item.field.removeprefix("value/")
                self._about.sealed[item.value.decode("utf-8", "replace")] = placeholder
        if held and held[0].error:
            return error_of(held[0].error), held[0]
        try:
            answer: Record | Exception = await self._about.outside.execute(request, self._call)
        except KeyDestroyed as error:
            if held or not isinstance(request, Seal):
                raise SubjectErased(str(error)) from None
            answer = error
        except Permanent as error:
            answer = error
        return answer, self._effect(number, request, held[:1])

    async def _ask_stream(
        self, number: int, request: StreamRequest[Any]
    ) -> AsyncIterator[tuple[Record | Exception, Effect]]:
        held = self._kept_of(number, request)
        if held and type(request) not in self._about.anew:
            for effect in held:
                yield self._recorded_answer(effect, request), effect
            return
        clock, answers = time.perf_counter_ns(), list[Record | Exception]()
        started = self._at
        parts = self._about.outside.ask_stream(request, self._call)
        try:
            while True:
                answer: Record | Exception
                try:
                    answer = await anext(parts)
                except StopAsyncIteration:
                    return
                except Exception as error:  # noqa: BLE001 - whatever leaves the world is an answer
                    answer = self._failed(request, error)
                answers.append(answer)
                took_us = (time.perf_counter_ns() - clock) // 1_000
                effect = self._effect(
                    number, request, took_us=took_us, answer=answer, part=len(answers) - 1
                )
                yield answer, replace(effect, started=started)
        finally:
            if held:
                self._compare(held, request, answers)
            close = getattr(parts, "aclose", None)
            if close is not None:
                await close()

    def _failed(self, request: Request[Any], error: Exception) -> Exception:
        """Remember a call that failed; return the error as a step may catch it."""
        told = foreseen(error)
        self._about.failures.append(f"{request.SCHEMA}: {error_text(told)}")
        return told

    def _compare(
        self, held: Sequence[Effect], request: Request[Any], answers: Sequence[Record | Exception]
    ) -> None:
        recorded = [self._recorded_answer(effect, request) for effect in held]
        if found := effect_difference(self.step.name, held[0].number, request, recorded, answers):
            self.otherwise.append(found)

    def _effect(
        self,
        number: int,
        request: Request[Any],
        held: Sequence[Effect] = (),
        started: int = 0,
        *,
        took_us: int = 0,
        answer: Record | Exception | None = None,
        part: int = 0,
    ) -> Effect:
        """Return the recorded effect, or one of now, that begins when the one before it ended."""
        if held:
            return held[0]
        return Effect(
            number=number,
            part=part,
            kind=request.SCHEMA,
            request=b"",
            model=getattr(answer, "model", "") or "",
            started=started or self._at,
            took_us=took_us,
            cost_micros=getattr(answer, "cost_micros", 0),
            error=type(answer).__name__ if isinstance(answer, Exception) else "",
        )


def replace_deadline(call: Call) -> Call:
    """Return a call that nobody waits for: its deadline passed long ago, and says nothing."""
    return Call(**{**vars(call), "deadline": 0})
