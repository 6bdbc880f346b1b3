"""Timeline: what happened to one request, edge to last token, read from `meta` alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas import (
    Answer,
    Cause,
    ChunksRetrieved,
    Event,
    EventRejected,
    PolicyDecision,
    QueryRewritten,
    TokensGenerated,
    ToolUse,
)
from streams.topics import topic_of


@dataclass
class EffectTime:
    """One effect of a step."""

    kind: str
    model: str
    started_us: int
    took_us: int
    parts: int = 1
    error: str = ""
    cost_micros: int = 0


@dataclass
class StepTime:
    """One run of a step over one input; times in microseconds since the Unix epoch."""

    step: str
    topic: str
    """Topic of the first record that it wrote."""
    cause: str
    attempt: int
    code: str
    configuration: str
    queued_us: int
    """From the input's event time to the beginning of the run."""
    began_us: int
    ended_us: int
    records: int = 0
    closed: bool = False
    outcome: str = ""
    route: str = ""
    """Of an answer by a model: which way was chosen to it."""
    tools: tuple[ToolUse, ...] = ()
    """Of an answer: which tools were used on the way to it, in their order."""
    experiment: str = ""
    """Of an answer: what its configuration was compared in."""
    variant: str = ""
    """The arm that the request got there; empty outside of an experiment."""
    policies: tuple[PolicyDecision, ...] = ()
    """What the policy in force decided."""
    effects: list[EffectTime] = field(default_factory=list)
    trace: str = ""
    """W3C traceparent of the run's span."""

    @property
    def took_us(self) -> int:
        """How long the run took, effects included."""
        return self.ended_us - self.began_us

    def as_json(self) -> dict[str, Any]:
        """Return it with milliseconds, as people read it."""
        return {
            "step": self.step,
            "topic": self.topic,
            "attempt": self.attempt,
            "code": self.code,
            "configuration": self.configuration,
            "began_us": self.began_us,
            "queued_ms": round(self.queued_us / 1000, 3),
            "took_ms": round(self.took_us / 1000, 3),
            "records": self.records,
            "closed": self.closed,
            "outcome": self.outcome,
            "route": self.route,
            "tools": [
                {"name": use.name, "outcome": use.outcome, "cost_micros": use.cost_micros}
                for use in self.tools
            ],
            "experiment": self.experiment,
            "variant": self.variant,
            "policies": [decision.to_avro() for decision in self.policies],
            "effects": [
                {
                    "kind": effect.kind,
                    "model": effect.model,
                    "after_ms": round((effect.started_us - self.began_us) / 1000, 3),
                    "took_ms": round(effect.took_us / 1000, 3),
                    "parts": effect.parts,
                    "error": effect.error,
                    "cost_micros": effect.cost_micros,
                }
                for effect in self.effects
            ],
        }


def timeline(events: Iterable[Event]) -> list[StepTime]:
    """Order the runs of one request by their beginning.

    `events` are the records of the request, in any order, the request itself included (a run
    without its input among them has a queueing time of 0).
    """
    ordered = sorted(events, key=lambda event: (event.meta.at, event.meta.ordinal))
    published_us = _published_us(ordered)
    runs: dict[tuple[str, str, int, int], StepTime] = {}
    for event in ordered:
        meta, cause = event.meta, event.meta.cause
        if cause is None:
            runs[topic_of(event), "", 0, 0] = _at_the_edge(event)
            continue
        key = (meta.step.name, cause.topic, cause.offset, meta.attempt)
        if key not in runs:
            runs[key] = _begun(event, cause, published_us)
        _add(runs[key], event)
    return sorted(runs.values(), key=lambda run: (run.began_us, run.ended_us))


def _published_us(ordered: Iterable[Event]) -> dict[tuple[str, str], int]:
    """Topic and id of a record -> when it was written; of several attempts, by the last begun."""
    of_attempt = {
        (topic_of(event), event.meta.id, event.meta.attempt): event.meta.at for event in ordered
    }
    return {(topic, event_id): at_us for (topic, event_id, _), at_us in of_attempt.items()}


def _at_the_edge(event: Event) -> StepTime:
    """Show a request as a run that took no time."""
    return StepTime(
        step=event.meta.step.name,
        topic=topic_of(event),
        cause="",
        attempt=event.meta.attempt,
        code=event.meta.step.code,
        configuration="",
        queued_us=0,
        began_us=event.meta.at,
        ended_us=event.meta.at,
        records=1,
        closed=True,
        trace=event.meta.trace,
    )


def _begun(event: Event, cause: Cause, published_us: Mapping[tuple[str, str], int]) -> StepTime:
    """Begin the run that an event is the first record of."""
    meta = event.meta
    began_us = meta.effects[0].started if meta.effects and meta.ordinal == 0 else meta.at
    put_us = published_us.get((cause.topic, cause.id), began_us)
    return StepTime(
        step=meta.step.name,
        topic=topic_of(event),
        cause=cause.id,
        attempt=meta.attempt,
        code=meta.step.code,
        configuration=meta.step.configuration,
        queued_us=max(0, began_us - put_us),
        began_us=began_us,
        ended_us=meta.at,
        trace=meta.trace,
    )


def _add(run: StepTime, event: Event) -> None:
    """Add a record to its run; the parts of a streamed effect count as one."""
    meta = event.meta
    run.records += 1
    run.ended_us = max(run.ended_us, meta.at)
    run.closed = run.closed or meta.last
    run.outcome = _outcome(event) or run.outcome
    if isinstance(event, ChunksRetrieved):
        run.policies = event.policies
    if isinstance(event, ChunksRetrieved | QueryRewritten):
        run.experiment, run.variant = event.experiment, variant_of(event)
    answer = getattr(event, "answer", None)
    if isinstance(answer, Answer):
        run.route = run.route if answer.route is None else answer.route.chosen
        run.experiment, run.variant = answer.experiment, variant_of(answer)
        if isinstance(event, TokensGenerated):
            run.tools = answer.tools
            run.policies = answer.policies
    for effect in meta.effects:
        if effect.number == 0:
            continue
        if effect.part and run.effects and run.effects[-1].kind == effect.kind:
            run.effects[-1].parts += 1
            run.effects[-1].took_us = effect.took_us
            run.effects[-1].cost_micros += effect.cost_micros
            continue
        run.effects.append(
            EffectTime(
                effect.kind,
                effect.model,
                effect.started,
                effect.took_us,
                1,
                effect.error,
                effect.cost_micros,
            )
        )


def variant_of(answer: Answer | ChunksRetrieved | QueryRewritten) -> str:
    """Name the arm that a request got, control where it was none of an experiment's."""
    return answer.arm or ("control" if answer.experiment else "")


def _outcome(event: Event) -> str:
    if isinstance(event, EventRejected):
        return f"rejected: {event.error}"
    return str(getattr(event, "outcome", ""))
