"""What `playhead sources` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click
from rich.table import Table

from edge.cli.output import print_json
from edge.sources.run_report import OUTCOMES, RunReport, ToldThing
from edge.sources.settling import SettledReport
from edge.sources.source_history import ListedSource
from schemas import SourceConfigured, SourceRan
from streams.operations.printing import console, counted

LINES_MAX = 20  # of one outcome, on a terminal; --json has more
SIGNS = {"added": "+", "changed": "~", "removed": "-"}


def described(configured: SourceConfigured) -> dict[str, Any]:
    """Return a source as JSON; what refers to credentials is a reference and no credential."""
    return {
        "name": configured.source,
        "tenant": configured.meta.tenant,
        "kind": configured.kind,
        "location": configured.location,
        "options": dict(configured.options),
        "policy": configured.chunk_policy,
        "groups": list(configured.groups),
        "rate": configured.rate,
        "by": configured.by,
    }


def tell_sources(tenant: str, listed: Sequence[ListedSource], *, as_json: bool) -> None:
    """Print a tenant's sources."""
    if as_json:
        rows = [
            described(one.configured)
            | {"documents": one.documents, "last_run": _run_json(one.last)}
            for one in listed
        ]
        print_json({"tenant": tenant, "sources": rows})
        return
    if not listed:
        click.echo(
            f"{tenant} has no sources: `playhead sources add NAME LOCATION --tenant {tenant}` "
            "sets one up",
            err=True,
        )
        return
    table = Table("source", "kind", "location", "documents", "last run", box=None)
    for one in listed:
        configured = one.configured
        table.add_row(
            configured.source,
            configured.kind,
            configured.location,
            f"{one.documents:,}",
            _run_words(one.last),
        )
    console(markup=False, highlight=False).print(table)


def tell_run(
    tenant: str, name: str, report: RunReport, *, dry: bool = False, brief: bool = False
) -> None:
    """Say on stderr what a run found and did; on a dry run also what would be done.

    `brief`, as one of many: what is skipped each time is counted alone.
    """
    for outcome in OUTCOMES:
        told = [one for one in report.told if one.outcome == outcome]
        if (outcome in SIGNS and not dry) or (outcome == "skipped" and brief):
            continue
        if outcome == "skipped" and len(told) > LINES_MAX:
            _tell_reasons(report, told)
            continue
        for one in told[:LINES_MAX]:
            sign = SIGNS.get(outcome, outcome)
            click.echo(f"{sign} {one.name}{f': {one.reason}' if one.reason else ''}", err=True)
        if (more := report.counts[outcome] - min(len(told), LINES_MAX)) > 0 and told:
            click.echo(f"{outcome}: {more:,} more (--json names them)", err=True)
    for note in report.notes[:LINES_MAX]:
        click.echo(note, err=True)
    if report.incomplete:
        click.echo(f"{report.incomplete}: so nothing that is absent was withdrawn", err=True)
    if report.refused:
        click.echo(
            f"{report.refused:,} of {counted(report.held, 'document')} are gone from the source, "
            "more than half: none was withdrawn; see whether it is all there, and if so "
            "--allow-deletions",
            err=True,
        )
    would = "would be: " if dry else ""
    goes_on = report.handed_in and report.settled is None and not (dry or brief)
    further = "; indexing goes on (--wait waits for it)" if goes_on else ""
    click.echo(f"{tenant}: source {name}: {would}{_counts(report)}{further}", err=True)
    if report.settled is not None:
        _tell_settled(tenant, report.settled)


def _tell_settled(tenant: str, settled: SettledReport) -> None:
    """Say what became of the documents, and of which none can be searched, and why."""
    for one in settled.told[:LINES_MAX]:
        click.echo(f"failed {one.name}: {one.reason}", err=True)
    if (more := settled.failed - min(len(settled.told), LINES_MAX)) > 0:
        click.echo(f"failed: {more:,} more (--json names {len(settled.told):,})", err=True)
    also = [
        f"{number:,} {what}"
        for number, what in (
            (settled.deleted, "withdrawn"),
            (settled.failed, "failed"),
            (settled.left, "still under way (the same again goes on waiting)"),
        )
        if number
    ]
    done = f"{counted(settled.indexed, 'document')} can be searched"
    click.echo(f"{tenant}: {', '.join([done, *also])}", err=True)


def _tell_reasons(report: RunReport, told: Sequence[ToldThing]) -> None:
    """Say how many were skipped for which reason, the most frequent first."""
    reasons = Counter(one.reason for one in told)
    for reason, number in reasons.most_common(LINES_MAX):
        click.echo(f"skipped {number:,}: {reason}", err=True)
    if (more := report.counts["skipped"] - sum(dict(reasons.most_common(LINES_MAX)).values())) > 0:
        click.echo(f"skipped {more:,} more (--json names {len(told):,})", err=True)


def _counts(report: RunReport) -> str:
    return ", ".join(f"{report.counts[outcome]:,} {outcome}" for outcome in OUTCOMES)


def _run_json(ran: SourceRan | None) -> dict[str, Any] | None:
    if ran is None:
        return None
    return {
        "at": _at(ran),
        "state": ran.state,
        "complete": ran.complete,
        "reason": ran.reason,
        "host": ran.host,
        "took_ms": ran.took_ms,
        "counts": {outcome: getattr(ran, outcome) for outcome in OUTCOMES},
    }


def _run_words(ran: SourceRan | None) -> str:
    if ran is None:
        return "never"
    if ran.state == "begun":
        return f"{_at(ran)} began on {ran.host}, did not end"
    counts = ", ".join(
        f"{number:,} {outcome}" for outcome in OUTCOMES if (number := getattr(ran, outcome))
    )
    why = f" ({ran.reason})" if ran.reason else ""
    return f"{_at(ran)} {ran.state}{why}: {counts or 'nothing there'}"


def _at(ran: SourceRan) -> str:
    return datetime.fromtimestamp(ran.meta.at / 1_000_000, UTC).isoformat(timespec="seconds")
