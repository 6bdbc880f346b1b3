"""`playhead demo`: the whole system once, on the real components, ending with the proof."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import random
import re
import shutil
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import httpx
from msgspec.structs import replace
from rich.console import Console
from rich.markup import escape
from rich.rule import Rule
from rich.table import Table

from edge.client import frames_in
from infra.demo.samples import PAGES_PERSONAL, TENANTS, Question, Tenant, documents
from replay.archive import ArchiveLog
from replay.export import export, rewrite
from replay.local_effects import local_handlers
from replay.log import BrokerLog, Log, Stored
from replay.one_request import events_of
from replay.report import Report
from replay.terminal import show, timeline_table
from replay.verify import Verifier
from schemas import AnswerReleased, ChunksRetrieved, Event, QueryRewritten, QuestionRedacted
from streams.log.codec import Codec
from streams.operations.timeline import timeline
from streams.running.admit import INBOX_TOPICS
from streams.settings import Settings
from streams.topics import topic_of

SEED = 20_261_121  # which record of the exported copy is changed; --seed chooses another
INDEXED_WITHIN_S = 240.0  # the sample documents on two busy cores, with room
ANSWERED_WITHIN_S = 90.0
FONTS = re.compile(r"@font-face\s*\{[^}]*\}")
FORGED_FIELDS: dict[type[Event], str] = {
    QueryRewritten: "query",
    ChunksRetrieved: "question",
    AnswerReleased: "text",
}


@dataclass
class Said:
    """What came back for one question."""

    request: str = ""
    text: str = ""
    citations: list[dict[str, Any]] = field(default_factory=list)
    finish_reason: str = ""
    first_ms: float = 0.0
    error: str = ""


class Demo:
    """One run of the demonstration; `failures` collects what did not hold."""

    def __init__(self, settings: Settings, console: Console, seed: int) -> None:
        self.settings = settings
        self.console = console
        self.seed = seed
        self.failures: list[str] = []
        self.pictured = console.record
        self.keys: dict[str, str] = {}

    def holds(self, what: str, held: bool, otherwise: str = "") -> None:
        """Print whether something held, and remember if it did not."""
        mark = "[green]✓[/green]" if held else "[red]✗[/red]"
        why = "" if held or not otherwise else f": {otherwise}"
        self.console.print(f"  {mark} {escape(what + why)}", highlight=False)
        if not held:
            self.failures.append(what + why)

    def part(self, title: str) -> None:
        """Begin a part."""
        self.console.print()
        self.console.print(Rule(f"[bold]{title}[/bold]", align="left", style="dim"))

    # ------------------------------------------------------------------ the parts

    def run(self) -> None:
        """Run all parts in order."""
        for tenant in TENANTS:
            self.keys[tenant.name] = create_key(self.settings, tenant.name)
        self.part("Documents")
        for tenant in TENANTS:
            self.load(tenant)
        shown = ""
        for tenant in TENANTS:
            self.console.record = self.pictured and tenant is TENANTS[0]  # our own pages alone
            self.part(f"A conversation with {tenant.name}")
            shown = self.converse(tenant) or shown
        self.console.record = self.pictured
        self.part("One answer, step by step")
        log = BrokerLog(self.settings)
        try:
            self.console.print(timeline_table(timeline(events_of(log, shown))))
            self.part("Personal data")
            self.look_for_personal_data(log)
        finally:
            log.close()
        self.part("The log, recomputed")
        self.verify_and_forge()

    def load(self, tenant: Tenant) -> None:
        """Submit a tenant's documents and wait until they can be found."""
        started = time.monotonic()
        with self.client(tenant) as client:
            ids = {}
            for sample in documents(tenant):
                body = {
                    "uri": sample.uri,
                    "media_type": sample.media_type,
                    "content": sample.text,
                    "chunk_policy": sample.policy,
                }
                if sample.title:
                    body["title"] = sample.title
                answer = client.post("/v1/documents", json=body)
                answer.raise_for_status()
                ids[answer.json()["document_id"]] = sample.uri
            open_ids, chunks, failed = set(ids), 0, []
            while open_ids and time.monotonic() - started < INDEXED_WITHIN_S:
                for document_id in sorted(open_ids):
                    state = client.get(f"/v1/documents/{document_id}").json()
                    if state.get("status") == "indexed":
                        open_ids.discard(document_id)
                        found = state.get("chunks") or 0
                        chunks += found if isinstance(found, int) else len(found)
                    elif state.get("status") == "failed":
                        open_ids.discard(document_id)
                        failed.append(ids[document_id])
                time.sleep(0.2)
        took = time.monotonic() - started
        late = sorted(ids[document_id] for document_id in open_ids)
        self.holds(
            f"{tenant.name}: {len(ids)} documents, {chunks} chunks searchable in {took:.1f} s",
            not late and not failed,
            f"not searchable: {', '.join([*late, *failed])}",
        )

    def converse(self, tenant: Tenant) -> str:
        """Hold a tenant's conversation; return the request whose timeline is worth a look."""
        session, shown = f"demo-{int(time.time())}", ""
        with self.client(tenant) as client:
            for question in tenant.questions:
                said = self.ask(client, session, question)
                self.judge(question, said)
                if question.needs_rewrite:
                    shown = said.request
        return shown

    def ask(self, client: httpx.Client, session: str, question: Question) -> Said:
        """Ask one question and print the answer as it streams."""
        self.console.print(f"\n[bold cyan]›[/bold cyan] [bold]{escape(question.text)}[/bold]")
        said, started = Said(), time.monotonic()
        body = {"session_id": session, "text": question.text, "stream": True}
        with client.stream("POST", "/v1/messages", json=body) as response:
            if response.status_code != httpx.codes.OK:
                response.read()
                said.error = f"HTTP {response.status_code}: {response.text[:200]}"
                return said
            for frame in frames_in(response):
                said.request = frame.get("request_id", said.request)
                match frame["type"]:
                    case "delta":
                        if not said.text:
                            said.first_ms = (time.monotonic() - started) * 1000
                        said.text += frame["text"]
                        self.console.print(frame["text"], end="", markup=False, highlight=False)
                    case "restarted":
                        said.text = ""
                        self.console.print("\n[dim]… not supported by the passages; again:[/dim]")
                    case "completed":
                        said.citations = frame["citations"]
                        said.finish_reason = frame["finish_reason"]
                        said.text = frame["text"]
                    case "retracted" | "error":
                        said.error = json.dumps(frame)
        self.console.print()
        for number, citation in enumerate(said.citations[:3], start=1):
            quote = textwrap.shorten(citation["quote"], 90, placeholder=" …")
            self.console.print(
                f"  [dim]\\[{number}] {escape(citation['uri'])}: “{escape(quote)}”[/dim]",
                highlight=False,
            )
        self.console.print(
            f"  [dim]first words after {said.first_ms:.0f} ms · {said.finish_reason}[/dim]"
        )
        return said

    def judge(self, question: Question, said: Said) -> None:
        """Check what a question's answer must show."""
        self.holds("answered", bool(said.text) and not said.error, said.error or "no text")
        if question.absent:
            self.holds(
                "says that the documents don't hold it",
                said.finish_reason == "not_found",
                f"finish_reason {said.finish_reason}",
            )
            return
        self.holds("cited", bool(said.citations), "no citations")
        if not said.request or not (question.needs_rewrite or question.personal):
            return
        log = BrokerLog(self.settings)
        try:
            events = events_of(log, said.request)
        finally:
            log.close()
        for event in events:
            if question.needs_rewrite and isinstance(event, QueryRewritten):
                changed = event.query != event.question
                self.holds(f"searched for “{event.query}”", changed, "as asked")
            if question.personal and isinstance(event, QuestionRedacted):
                redacted = not any(value in event.text for value in question.personal)
                self.holds(f"on the log: “{event.text}”", redacted, "not redacted")

    def look_for_personal_data(self, log: Log) -> None:
        """Look for the samples' personal data in every durable record and every log line."""
        asked = [value for t in TENANTS for q in t.questions for value in q.personal]
        wanted = [value.encode() for value in (*PAGES_PERSONAL, *asked)]
        records, leaks = 0, set()
        for topic, partition in sorted(log.extents()):
            if topic in INBOX_TOPICS:
                continue
            for stored in log.records(topic, partition):
                records += 1
                leaks |= {f"{topic}: {v.decode()}" for v in wanted if v in (stored.value or b"")}
        for path in sorted((self.settings.run / "logs").glob("*.log")):
            content = path.read_bytes()
            leaks |= {f"{path.name}: {v.decode()}" for v in wanted if v in content}
        self.holds(
            f"{len(wanted)} invented names and addresses stand nowhere in plain "
            f"({records} records, all log files)",
            not leaks,
            "; ".join(sorted(leaks)),
        )

    def verify_and_forge(self) -> None:
        """Verify the log; then forge one record of a copy and see that verify names it."""
        report = self.verify(BrokerLog(self.settings))
        show(report, self.console)
        self.holds(
            "every record is the outcome of its input and effects, without a model call",
            report.records > 0 and report.equal + report.superseded == report.records,
            f"{len(report.diverged)} diverged, {report.erased} erased",
        )
        folder = self.settings.run / "demo-archive"
        shutil.rmtree(folder, ignore_errors=True)
        log = BrokerLog(self.settings)
        try:
            export(log, folder)
        finally:
            log.close()
        self.console.record = False
        forged = forge(folder, self.seed)
        report = self.verify(ArchiveLog(folder))
        named = {(entry.topic, entry.partition, entry.offset) for entry in report.diverged}
        place = f"{forged.topic}[{forged.partition}]@{forged.offset}"
        self.console.print(f"\n  one character changed in an exported copy: {place}")
        for entry in report.diverged[:3]:
            self.console.print(
                f"  [dim]{entry.topic}\\[{entry.partition}]@{entry.offset} ({entry.step}) "
                f"{escape(entry.reason)}[/dim]",
                highlight=False,
            )
        self.holds(
            "verify names the forged record",
            (forged.topic, forged.partition, forged.offset) in named,
            "it went unnoticed",
        )
        shutil.rmtree(folder, ignore_errors=True)

    # ------------------------------------------------------------------ tools

    def verify(self, log: Log) -> Report:
        """Verify a log."""
        try:
            local, keyring = local_handlers(self.settings)
            return asyncio.run(Verifier(log, local, keyring.digest_key).verify())
        finally:
            log.close()

    def client(self, tenant: Tenant) -> httpx.Client:
        """Open an HTTP client that speaks for a tenant's user."""
        return httpx.Client(
            base_url=self.settings.gateway,
            headers={"Authorization": f"Bearer {self.keys[tenant.name]}"},
            timeout=ANSWERED_WITHIN_S,
            trust_env=False,
        )


def forge(folder: Path, seed: int) -> Stored:
    """Change one character of one record of an archive; return the record as it was."""
    chance = random.Random(seed)  # noqa: S311 - a repeatable choice, no secret
    log = ArchiveLog(folder)
    codec = Codec(log.ids)
    candidates = []
    for record, name in FORGED_FIELDS.items():
        for topic, partition in sorted(log.extents()):
            if topic == topic_of(record):
                candidates += [
                    (stored, name)
                    for stored in log.records(topic, partition)
                    if getattr(codec.decode_any(stored.value), name)
                ]
    chosen, name = chance.choice(candidates)
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


def playhead(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a verb of our own command line against the same run folder."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "infra.cli", *arguments],
        env={**os.environ, "PLAYHEAD_RUN": str(settings.run)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )


def create_key(settings: Settings, tenant: str) -> str:
    """Create an API key that may read, write and see restored values; it lives for a day."""
    arguments = ("--user", "demo", "--ttl", "1d", "--json")
    done = playhead(settings, "keys", "create", "--tenant", tenant, *arguments)
    if done.returncode:
        raise click.ClickException(f"no key for {tenant}: see the lines above")
    key: str = json.loads(done.stdout)["key"]
    return key


@click.command()
@click.option(
    "--run",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".playhead"),
    envvar="PLAYHEAD_RUN",
    show_default=True,
    help="Run folder of the stack.",
)
@click.option("--keep", is_flag=True, help="Leave the stack running, also if the demo started it.")
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save what the terminal shows as an SVG file, the parts about our own pages.",
)
@click.option("--seed", default=SEED, show_default=True, help="Chooses the record that is forged.")
def demo(run: Path, keep: bool, picture: Path | None, seed: int) -> None:
    """Load two sample tenants, talk with both, and verify the log.

    Starts what is not running, and stops it again at the end unless --keep says otherwise. Exits 0
    only if everything that it checks held.

    \b
    Example:
      playhead demo --keep
    """
    console, began = Console(record=picture is not None), time.monotonic()
    settings = Settings.load(run=run)
    running = playhead(settings, "status", "--json").returncode == 0
    if not running:
        console.print("Starting Kafka, the registry, Weaviate, Triton, a worker and the gateway …")
        if playhead(settings, "up", "--detach").returncode:
            sys.exit(1)
    settings = Settings.load(run=run)
    demonstration = Demo(settings, console, seed)
    try:
        demonstration.run()
        if picture is not None:
            svg = console.export_svg(title="make demo")
            # no font from elsewhere: a page of documentation asks no one for anything
            picture.write_text(FONTS.sub("", svg), encoding="utf-8")
    finally:
        if not running and not keep:
            playhead(settings, "down")
    console.print()
    where = settings.gateway if running or keep else "make up starts it again and prints the URL"
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("chat page", where)
    table.add_row("took", f"{time.monotonic() - began:.0f} s")
    console.print(table)
    if demonstration.failures:
        console.print(f"\n[red]{len(demonstration.failures)} checks did not hold:[/red]")
        for failure in demonstration.failures:
            console.print(f"  [red]✗[/red] {escape(failure)}", highlight=False)
        sys.exit(1)
    console.print("\n[green]Everything held.[/green]")
