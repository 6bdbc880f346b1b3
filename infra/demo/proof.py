"""What the log proves: no personal data in plain, and no record that could be changed unseen."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from rich.markup import escape

from infra.demo.checks import Checks
from replay.archive import ArchiveLog
from replay.export import export, rewrite
from replay.local_effects import local_handlers
from replay.log import BrokerLog, Log, Stored
from replay.report import Report
from replay.terminal import show
from replay.verify import Verifier
from schemas import AnswerReleased, ChunksRetrieved, Event, QueryRewritten
from streams.log.codec import Codec
from streams.running.admit import INBOX_TOPICS
from streams.settings import Settings
from streams.topics import topic_of

FORGED_FIELDS: dict[type[Event], str] = {
    QueryRewritten: "query",
    ChunksRetrieved: "question",
    AnswerReleased: "text",
}
DIFFERENCES_MAX = 3


def look_for(personal: Iterable[str], log: Log, logs: Path, checks: Checks) -> None:
    """Look for personal data in every durable record and every log file."""
    wanted = [value.encode() for value in personal]
    records, leaks = 0, set()
    for place, content in durable(log):
        records += 1
        leaks |= {f"{place}: {value.decode()}" for value in wanted if value in content}
    for path in sorted(logs.glob("*.log")):
        content = path.read_bytes()
        leaks |= {f"{path.name}: {value.decode()}" for value in wanted if value in content}
    checks.holds(
        f"{len(wanted)} invented names and addresses stand nowhere in plain "
        f"({records} records, all log files)",
        not leaks,
        "; ".join(sorted(leaks)),
    )


def durable(log: Log) -> Iterator[tuple[str, bytes]]:
    """Yield topic and bytes of every record that is kept; the inbox forgets its own."""
    for topic, partition in sorted(log.extents()):
        if topic not in INBOX_TOPICS:
            for stored in log.records(topic, partition):
                yield topic, stored.value or b""


def verify_and_forge(settings: Settings, seed: int, checks: Checks) -> None:
    """Verify the log; then forge one record of a copy and see that verify names it."""
    report = verify(settings, BrokerLog(settings))
    show(report, checks.console)
    checks.holds(
        "every record is the outcome of its input and effects, without a model call",
        report.records > 0 and report.equal + report.superseded + report.erased == report.records,
        f"{report.found('diverged')} diverged, {report.erased} erased",
    )
    folder = settings.run / "demo-archive"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        log = BrokerLog(settings)
        try:
            export(log, folder)
        finally:
            log.close()
        forged = forge(folder, seed)
        show_forgery(forged, verify(settings, ArchiveLog(folder)), checks)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def show_forgery(forged: Stored, report: Report, checks: Checks) -> None:
    """Show what verify says of a forged copy, and check that it names the record."""
    place = f"{forged.topic}[{forged.partition}]@{forged.offset}"
    checks.console.print(f"\n  one character changed in an exported copy: {escape(place)}")
    for entry in report.diverged[:DIFFERENCES_MAX]:
        where = f"{entry.topic}[{entry.partition}]@{entry.offset} ({entry.step})"
        checks.console.print(f"  [dim]{escape(f'{where} {entry.reason}')}[/dim]", highlight=False)
    named = {(entry.topic, entry.partition, entry.offset) for entry in report.diverged}
    checks.holds(
        "verify names the forged record",
        (forged.topic, forged.partition, forged.offset) in named,
        "it went unnoticed",
    )


def verify(settings: Settings, log: Log) -> Report:
    """Verify a log, and close it."""
    try:
        local, keyring = local_handlers(settings)
        return asyncio.run(Verifier(log, local, keyring.digest_key).verify())
    finally:
        log.close()


def forge(folder: Path, seed: int) -> Stored:
    """Change one character of one record of an archive; return the record as it was."""
    chance = random.Random(seed)  # noqa: S311 - a repeatable choice, no secret
    log = ArchiveLog(folder)
    codec = Codec(log.ids)
    chosen, name = chance.choice(list(forgeable(log, codec)))
    event: Any = codec.decode_any(chosen.value)
    text = getattr(event, name)
    place = chance.randrange(len(text))
    letter = "x" if text[place] != "x" else "y"
    edited = replace(event, **{name: text[:place] + letter + text[place + 1 :]})
    value = codec.encode(edited)

    def edit(stored: Stored) -> Stored:
        return dataclasses.replace(stored, value=value) if stored == chosen else stored

    rewrite(folder, chosen.topic, chosen.partition, edit)
    return chosen


def forgeable(log: Log, codec: Codec) -> Iterator[tuple[Stored, str]]:
    """Yield the records that have a text to change, each with its field's name."""
    for record, name in FORGED_FIELDS.items():
        for topic, partition in sorted(log.extents()):
            if topic != topic_of(record):
                continue
            for stored in log.records(topic, partition):
                if getattr(codec.decode_any(stored.value), name):
                    yield stored, name
