"""What an audit and a seal led to, for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from replay.seal.audit_report import AuditReport
from replay.seal.sealer import SealedPartition
from streams.operations.printing import counted

SHOWN_MAX = 50


def show_seals(done: Sequence[SealedPartition], to: Console) -> None:
    """Print what a pass added, and what it refused."""
    added = sum(one.added for one in done)
    fresh = [one for one in done if one.added]
    to.print(
        f"{counted(added, 'record')} sealed in {counted(len(fresh), 'partition')}; "
        f"{counted(len(done) - len(fresh), 'other')} had nothing new"
    )
    for one in done:
        if one.refused:
            place = escape(f"{one.topic}[{one.partition}]")
            to.print(f"[red]{place} was not sealed:[/] {escape(one.refused)}")


def show_audit(report: AuditReport, to: Console, *, trusted: bool) -> None:
    """Print findings, then what holds and by whose key."""
    findings = report.findings
    if findings:
        table = Table(box=None, pad_edge=False)
        for name in ("where", "what", "why"):
            table.add_column(name)
        for one in findings[:SHOWN_MAX]:
            at = f"@{one.offset}" if one.offset >= 0 else ""
            where = escape(f"{one.topic}[{one.partition}]{at}")
            table.add_row(where, f"[red]{one.kind}[/]", escape(one.reason))
        to.print(table)
        if len(findings) > SHOWN_MAX:
            to.print(f"and {len(findings) - SHOWN_MAX} more")
    for fault in report.faults[:SHOWN_MAX]:
        to.print(f"[red]the archive:[/] {escape(fault)}")
    without = report.without
    if without:
        names = ", ".join(f"{one.topic}[{one.partition}]" for one in without[:SHOWN_MAX])
        to.print(f"[yellow]no checkpoint covers:[/] {escape(names)}")
    held = f"{counted(report.sealed, 'record')} as they were signed"
    by = counted(report.checkpoints, "checkpoint")
    to.print(f"{held}, by {by}; {counted(report.unsealed, 'record')} not sealed yet")
    for key in report.keys:
        to.print(f"signed by {key}", soft_wrap=True, highlight=False, markup=False)
    if not trusted:
        to.print(
            "this key lies beside the seal: compare it with the published one, or name it (--key)"
        )
