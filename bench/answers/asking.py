"""How long an answer takes, beside the same steps without a log, and where its time goes."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterable, Sequence
from typing import Protocol

import httpx

from bench.answers.figures import Breakdown, Figure, compared, median
from bench.child import MeasurementFailed
from bench.direct import Answered, Direct
from bench.facts import TENANT, facts
from bench.hops import bare_hop_ms
from edge.client.gateway_client import frames_in
from replay.log import BrokerLog
from replay.one_request import events_of
from streams.operations.timeline import StepTime, timeline
from streams.settings import Settings

HOPS_TIMED = 60  # records through bare hops

AskedInTurns = tuple[list[Answered], list[Answered], list[str]]
"""Times through the platform, times of the steps without a log, and the platform's requests."""


class Answers(Protocol):
    """What answers without a log."""

    async def ask(self, tenant: str, text: str) -> Answered:
        """Answer one question of a new session."""


def answers(
    settings: Settings, client: httpx.Client, questions: int
) -> tuple[list[Figure], Breakdown]:
    """Compare times to the first token and the whole answer with the steps without a log.

    What the log adds is the median of the pairs' differences. Returns where the time goes, too.
    """
    through, direct, requests = asyncio.run(_alternate_on(settings, client, questions))
    hop_ms = bare_hop_ms(settings, HOPS_TIMED)
    steps = _break_down(settings, requests)
    queued_ms = statistics.mean(row["queued_ms"] for row in steps.values())
    against = "the same steps and models in one process"
    figures = [
        *compared(
            "time to first token",
            [one.first_ms for one in through],
            [one.first_ms for one in direct],
            against,
        ),
        *compared(
            "whole answer",
            [one.whole_ms for one in through],
            [one.whole_ms for one in direct],
            against,
        ),
        Figure("queueing of a hop, p50", queued_ms, "ms", hop_ms, "a bare consume-produce hop"),
    ]
    return figures, steps


async def _alternate_on(settings: Settings, client: httpx.Client, questions: int) -> AskedInTurns:
    program = Direct.on(settings)
    try:
        return await alternate(program, client, questions)
    finally:
        await program.close()


async def alternate(program: Answers, client: httpx.Client, questions: int) -> AskedInTurns:
    """Ask both in turns; returns the times of either, and the requests of the first.

    They take turns question by question, and so does who begins: a change of the machine's speed
    meets both. The first of each warms up and is left out.
    """
    through: list[Answered] = []
    direct: list[Answered] = []
    requests: list[str] = []
    for number, (_, question) in enumerate(facts(2 * questions)):
        if number % 4 in {1, 2}:
            direct.append(await program.ask(TENANT, question))
        else:
            answered, request = await asyncio.to_thread(ask, client, question)
            through.append(answered)
            requests.append(request)
    return through[1:], direct[1:], requests[1:]


def ask(client: httpx.Client, question: str) -> tuple[Answered, str]:
    """Ask over HTTP and read the stream to its end; returns the times and the request's id.

    Raises MeasurementFailed where the stream tells of an error.
    """
    began, first_ms, request = time.perf_counter(), 0.0, ""
    body = {"text": question, "stream": True}
    with client.stream("POST", "/v1/messages", json=body) as response:
        for frame in frames_in(response):
            request = frame["request_id"]
            if frame["type"] == "delta" and not first_ms:
                first_ms = (time.perf_counter() - began) * 1000
            if frame["type"] == "error":
                raise MeasurementFailed(f"a question failed: {frame}")
    return Answered(first_ms, (time.perf_counter() - began) * 1000), request


def _break_down(settings: Settings, requests: Sequence[str]) -> Breakdown:
    """Collect queueing, step and effect times of each step, from the records alone."""
    log = BrokerLog(settings)
    try:
        return broken_down(timeline(events_of(log, request)) for request in requests)
    finally:
        log.close()


def broken_down(timelines: Iterable[Iterable[StepTime]]) -> Breakdown:
    """Take the median of each step's times over several requests.

    Of a step that ran several times over a request the first run counts: it is what the reader
    waits for.
    """
    rows: dict[str, list[tuple[float, float, float]]] = {}
    for runs in timelines:
        firsts: dict[str, StepTime] = {}
        for run in runs:
            if run.cause:
                firsts.setdefault(run.step, run)
        for name, run in firsts.items():
            effects_us = sum(effect.took_us for effect in run.effects)
            rows.setdefault(name, []).append(
                (run.queued_us / 1000, run.took_us / 1000, effects_us / 1000)
            )
    names = ("queued_ms", "running_ms", "effects_ms")
    return {
        step: dict(zip(names, map(median, zip(*times, strict=True)), strict=True))
        for step, times in rows.items()
    }
