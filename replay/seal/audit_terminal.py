"""What an audit and a seal led to, for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from replay.seal.audit_report import AuditReport
from replay.seal.sealer import SealedPartition
from replay.witnessing.cosigned_report import moment
from replay.witnessing.gathering import GatheredCosignatures
from replay.witnessing.stamping import StampPass
from streams.log.offsets import Partition
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


def show_gathered(gathered: GatheredCosignatures, to: Console) -> None:
    """Print what each witness cosigned, and what it did not."""
    for one in gathered.passes:
        line = f"{one.name}: {one.cosigned} of {counted(one.of, 'newest checkpoint')} cosigned"
        to.print(line, highlight=False, markup=False)
        colour = "red" if one.contradicts else "yellow"
        for fault in one.faults:
            to.print(f"[{colour}]{escape(one.name)}:[/] {escape(fault)}")
    if gathered.short:
        to.print(f"[red]too few witnesses have cosigned:[/] {escape(_places(gathered.short))}")


def show_stamp(stamped: StampPass, to: Console) -> None:
    """Print what the authority stamped, or why it did not."""
    if stamped.at is not None:
        what = counted(stamped.checkpoints, "checkpoint")
        line = f"{what} stamped at {stamped.at.isoformat()} by {stamped.by}"
        to.print(line, highlight=False, markup=False)
    elif stamped.fault:
        to.print(f"[yellow]not stamped by {escape(stamped.url)}:[/] {escape(stamped.fault)}")


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
    if report.unread:
        to.print(
            f"[yellow]the rest was not read, and nothing is said of it:[/] {escape(report.unread)}"
        )
    without = report.without
    if without:
        names = ", ".join(f"{one.topic}[{one.partition}]" for one in without[:SHOWN_MAX])
        to.print(f"[yellow]no checkpoint covers:[/] {escape(names)}")
    held = f"{counted(report.sealed, 'record')} as they were signed"
    by = counted(report.checkpoints, "checkpoint")
    to.print(f"{held}, by {by}; {counted(report.unsealed, 'record')} not sealed yet")
    _show_vouched(report, to)
    for key in report.keys:
        to.print(f"signed by {key}", soft_wrap=True, highlight=False, markup=False)
    if not trusted:
        to.print(
            "this key lies beside the seal: compare it with the published one, or name it (--key)"
        )


def _show_vouched(report: AuditReport, to: Console) -> None:
    """Print what witnesses and authorities say of it."""
    for told in report.witnesses:
        last = f", last at {moment(told.at_s)}" if told.at_s else ""
        older = f", of {told.older} an older one" if told.older else ""
        newest = counted(told.newest, "partition")
        line = f"{told.name} cosigned the newest checkpoint of {newest}{older}{last}"
        to.print(line, highlight=False, markup=False)
    for fault in report.unheard[:SHOWN_MAX]:
        to.print(f"[red]not heard:[/] {escape(fault)}")
    for fault in report.strangers[:SHOWN_MAX]:
        to.print(f"[red]no witness of this log:[/] {escape(fault)}")
    if report.too_few:
        to.print(f"[yellow]too few witnesses have cosigned:[/] {escape(_places(report.too_few))}")
    stamped = report.stamped
    if stamped.newest is not None:
        covered = counted(stamped.current, "newest checkpoint")
        when = f"the last by {stamped.by} at {stamped.newest.isoformat()}"
        line = f"{counted(stamped.stamps, 'time stamp')}, {when}; {covered} stamped"
        to.print(line, highlight=False, markup=False)
    if stamped.unchecked:
        many = counted(stamped.unchecked, "time stamp")
        to.print(f"{many} not checked: name the roots to believe (--timestamp-roots)")
    if report.unstamped:
        to.print(f"[yellow]no time stamp covers:[/] {escape(_places(report.unstamped))}")


def _places(places: Sequence[Partition]) -> str:
    return ", ".join(f"{topic}[{partition}]" for topic, partition in places[:SHOWN_MAX])
