"""`playhead routes …`: which model answered a request and why, from the log."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from replay.archive_places import ArchivePlace, archive_option
from replay.one_request import events_of
from replay.opening_logs import open_log
from replay.terminal import MICROS, used
from replay.verdict_group import VerdictGroup
from schemas import Event, Hedged, RouteDecision, TokensGenerated, ToolUse
from streams.operations.options import run_option
from streams.operations.printing import console
from streams.operations.timeline import variant_of
from streams.settings import Settings


@dataclass(frozen=True)
class Explained:
    """One answer, and the route that it took."""

    attempt: int
    finish_reason: str
    model: str
    cost_micros: int
    """Of all calls of its step."""
    decision: RouteDecision | None
    """None where there was nothing to decide, or the answer is of before there were routes."""
    tools: tuple[ToolUse, ...] = ()
    """Those that were used on the way to it, in their order."""
    configuration: str = ""
    """Digest of the configuration that answered."""
    experiment: str = ""
    variant: str = ""
    """Arm of the experiment that the request got; empty outside of one."""

    def as_json(self) -> dict[str, Any]:
        """Return it for `--json`."""
        decided = self.decision
        return {
            "attempt": self.attempt,
            "finish_reason": self.finish_reason,
            "model": self.model,
            "cost_micros": self.cost_micros,
            "chosen": decided.chosen if decided else "",
            "arm": decided.arm if decided else "",
            "hedged": decided.hedged.to_avro() if decided and decided.hedged else None,
            "configuration": self.configuration,
            "experiment": self.experiment,
            "variant": self.variant,
            "considered": [
                {
                    "route": one.route,
                    "provider": one.provider,
                    "model": one.model,
                    "reason": one.reason,
                }
                for one in (decided.considered if decided else ())
            ],
            "tools": [use.to_avro() for use in self.tools],
        }


def explained(events: Iterable[Event]) -> list[Explained]:
    """Find the answers among a request's records, by attempt, each with its route."""
    costs: dict[int, int] = {}
    answers: dict[int, Explained] = {}
    for event in events:
        if not isinstance(event, TokensGenerated):
            continue
        attempt = event.meta.attempt
        paid = sum(effect.cost_micros for effect in event.meta.effects)
        costs[attempt] = costs.get(attempt, 0) + paid
        if event.answer is not None:
            given = event.answer
            answers[attempt] = Explained(
                attempt,
                given.finish_reason,
                given.model,
                0,
                given.route,
                given.tools,
                configuration=event.meta.step.configuration,
                experiment=given.experiment,
                variant=variant_of(given),
            )
    return [replace(one, cost_micros=costs[attempt]) for attempt, one in sorted(answers.items())]


@click.group(cls=VerdictGroup)
def routes() -> None:
    """Say which model answered, and why that one.

    \b
    Example:
      playhead routes explain 5b0f2e0e-6a55-5ab4-9d56-0c2f3f1a2b3c
    """


@routes.command()
@click.argument("request")
@archive_option
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def explain(request: str, archive: ArchivePlace | None, run: Path | None, as_json: bool) -> None:
    """List the routes that there were for REQUEST, which was taken, and the reason for each.

    Reads the record alone: what was configured and how the models fared at that time stand in it.

    \b
    Example:
      playhead routes explain 5b0f2e0e-6a55-5ab4-9d56-0c2f3f1a2b3c --json
    """
    with closing(open_log(archive, Settings.load(run=run))) as log:
        answers = explained(events_of(log, request))
    if as_json:
        told = [answer.as_json() for answer in answers]
        click.echo(json.dumps({"request_id": request, "answers": told}, indent=1))
        return
    if not answers:
        raise LookupError(
            f"request {request} has no answer yet, or it failed: "
            f"`playhead replay timeline {request}` shows how far it came"
        )
    for answer in answers:
        print_answer(answer)


def print_answer(answer: Explained) -> None:
    """Print an answer's routes for people."""
    out = console(markup=False, highlight=False)
    for use in answer.tools:
        out.print(f"used {used(use)}")
    decided = answer.decision
    if decided is None:
        out.print(f"{answer.finish_reason}: no model was to be chosen{_configured(answer)}")
        return
    arm = f", {decided.arm} of a trial" if decided.arm else ""
    cost = f", {answer.cost_micros / MICROS:.6f}" if answer.cost_micros else ""
    model = f" ({answer.model})" if answer.model else ""
    out.print(f"{answer.finish_reason} by {decided.chosen or 'no route'}{model}{arm}{cost}")
    if decided.hedged is not None:
        out.print(_raced(decided.hedged))
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("", "route", "provider", "model", "reason"):
        table.add_column(heading, overflow="fold")
    for one in decided.considered:
        mark = "→" if one.route == decided.chosen else ""
        table.add_row(mark, one.route, one.provider or "triton", one.model, one.reason)
    out.print(table)
    if configured := _configured(answer):
        out.print(configured.removeprefix(", "))


def _raced(told: Hedged) -> str:
    """Say what came of asking another route too."""
    if told.outcome == "too_many":
        return f"slow after {told.after_ms} ms; {told.route} was not asked too, since others were"
    cost = f", for {told.cost_micros / MICROS:.6f}" if told.cost_micros else ""
    return f"{told.route} was asked too after {told.after_ms} ms and {told.outcome}{cost}"


def _configured(answer: Explained) -> str:
    """Say what was configured, and which arm of an experiment that was."""
    said = f", by configuration {answer.configuration[:12]}" if answer.configuration else ""
    if answer.variant:
        said += f", {answer.variant} of {answer.experiment or 'its arms'}"
    return said
