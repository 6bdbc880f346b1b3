"""`playhead ingest`: submit files over HTTP, like any other client."""

from __future__ import annotations

import base64
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from agents.chunk_policies import BY_KIND
from connectors.media_types import MEDIA_TYPES, OF_SUFFIX
from edge.cli.found_files import STDIN, DocumentAtHand, SkippedPath, Unsendable, found_at
from edge.cli.output import print_json, progress_bar, with_progress
from edge.client.gateway_client import GatewayClient, RequestRefused, connect
from edge.requests.new_document import essence
from streams.operations.options import run_option
from streams.operations.printing import counted
from streams.settings import Settings

WAIT_MAX_S = 600.0
"""How long `--wait` waits without any document getting further."""
PAUSE_S = (0.05, 1.0)
"""Between looks at the oldest document under way: the first pause and the longest."""
UNDER_WAY = ("accepted", "ingested")


@dataclass
class SentFile:
    """A file that the gateway took in as a document."""

    path: str
    document: str
    request: str
    status: str = "accepted"
    reason: str = ""
    chunks: int = 0
    notes: list[str] = field(default_factory=list)
    """What was left out of it, or joined."""

    def learn(self, document: dict[str, Any]) -> bool:
        """Take over how the document fares; True where it got further."""
        if document["request_id"] != self.request:
            self.status = "superseded"
            return True
        moved = bool(document["status"] != self.status)
        self.status, self.reason = document["status"], document["reason"]
        self.chunks = document["chunks"]
        self.notes = (document["manifest"] or {}).get("notes", [])
        return moved


@dataclass
class IngestReport:
    """What became of the files."""

    sent: list[SentFile] = field(default_factory=list)
    skipped: list[SkippedPath] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether something that should be a document is none."""
        return any(one.failed for one in self.skipped) or any(
            one.status == "failed" for one in self.sent
        )

    def as_json(self) -> dict[str, Any]:
        """Return the JSON document of `--json`."""
        return {
            "documents": [
                {
                    "path": one.path,
                    "document_id": one.document,
                    "request_id": one.request,
                    "status": one.status,
                    "reason": one.reason,
                    "chunks": one.chunks,
                    "notes": one.notes,
                }
                for one in self.sent
            ],
            "skipped": [{"path": one.path, "reason": one.reason} for one in self.skipped],
        }


@dataclass(frozen=True)
class Labels:
    """What is said of each document that is sent."""

    tenant: str
    policy: str
    title: str
    uri: str
    media_type: str
    groups: tuple[str, ...]
    metadata: dict[str, str]

    def check(self, found: list[DocumentAtHand | SkippedPath], paths: tuple[str, ...]) -> None:
        """Raise click.UsageError where they don't fit what is to be sent."""
        if STDIN in paths and not self.uri:
            raise click.UsageError("stdin has no name: give it one with --uri")
        if (self.title or self.uri) and len(found) > 1:
            raise click.UsageError(
                f"--title and --uri name one document, and there are {len(found)}: send it alone"
            )

    def body(self, one: DocumentAtHand, content: bytes, told: str) -> dict[str, Any]:
        """Return the request that hands a document in; `told` is the media type its host tells."""
        body: dict[str, Any] = {
            "uri": self.uri or one.uri,
            "media_type": self.media_type or _readable(told) or one.media_type,
            "chunk_policy": self.policy,
            "tenant": self.tenant,
            "title": self.title,
            "groups": self.groups,
            "metadata": self.metadata,
        }
        try:
            if "charset" in body["media_type"].lower():
                raise UnicodeError  # it speaks of the bytes
            body["content"] = content.decode("utf-8")
        except UnicodeError:
            body["content_base64"] = base64.b64encode(content).decode()
        return body


def _readable(told: str) -> str:
    """Return the media type that a host tells, where it says more than that it is some text."""
    kind = essence(told)
    return told if kind in MEDIA_TYPES and kind != "text/plain" else ""


def _as_metadata(_context: object, _option: object, entries: tuple[str, ...]) -> dict[str, str]:
    pairs = [entry.partition("=") for entry in entries]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise click.BadParameter("write NAME=VALUE")
    return {name: value for name, _, value in pairs}


@click.command()
@click.option("--tenant", required=True, help="Tenant that the documents belong to.")
@click.argument("paths", nargs=-1, required=True, metavar="PATHS...")
@click.option("--wait", is_flag=True, help="Return when the documents can be searched.")
@click.option(
    "--policy",
    metavar="NAME",
    default=BY_KIND,
    help="How documents are cut, as ingest is configured, which tells the names; without it each "
    "is cut as fits its kind.",
)
@click.option("--title", default="", help="Title of the one document; else its own.")
@click.option("--uri", default="", help="Name of the one document; else its path or address.")
@click.option(
    "--group", "groups", multiple=True, help="Group that may read them; several may be given."
)
@click.option(
    "--metadata",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_as_metadata,
    help="Property to filter by; several may be given.",
)
@click.option(
    "--media-type",
    default="",
    help="Such as 'text/plain; charset=gb18030'; else told by the ending, or by a page's host.",
)
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def ingest(
    paths: tuple[str, ...], wait: bool, run: Path | None, as_json: bool, **labels: Any
) -> None:
    """Submit files, folders, pages of the web or stdin (-) as documents.

    Files of other kinds in a folder are listed and skipped, pictures too: these are recognised
    where they are named. With --wait it is told what was left out of each. Exits 1 where what was
    named, or a file that can't be read or is refused, was not sent, and with --wait where a
    document failed.

    \b
    Example:
      playhead ingest --tenant acme handbook/ faq.md --wait
      playhead ingest --tenant acme --group staff --metadata year=2024 rota.csv
      report | playhead ingest --tenant acme --uri report:today --title "Today" -
    """
    said = Labels(**labels)
    report = IngestReport()
    found = found_at(paths)
    said.check(found, paths)
    report.skipped += [one for one in found if isinstance(one, SkippedPath)]
    to_send = [one for one in found if isinstance(one, DocumentAtHand)]
    if to_send:
        settings = Settings.load(run=run)
        gateway = connect(settings, said.tenant)
        for one in with_progress(to_send, "sending"):
            _send(gateway, one, said, settings.document_bytes_max, report)
        if wait:
            _wait(gateway, report.sent)
    if as_json:
        print_json(report.as_json())
    _tell(report, said.tenant, wait=wait)
    if report.failed:
        sys.exit(1)


def _tell(report: IngestReport, tenant: str, *, wait: bool) -> None:
    """Say what became of the files; raises click.ClickException where nothing was sent."""
    for one in report.skipped:
        click.echo(f"skipped {one.path}: {one.reason}", err=True)
    failed = [sent for sent in report.sent if sent.status == "failed"]
    for sent in failed:
        click.echo(f"failed {sent.path}: {sent.reason}", err=True)
    for sent in report.sent:
        for note in sent.notes:
            click.echo(f"note {sent.path}: {note}", err=True)
    if not report.sent:
        raise click.ClickException(
            f"nothing was sent: name files that end in {', '.join(OF_SUFFIX)}, or folders with some"
        )
    if not wait:
        documents = counted(len(report.sent), "document")
        click.echo(
            f"{tenant}: {documents} accepted; indexing goes on (--wait waits for it)", err=True
        )
        return
    chunks = counted(sum(one.chunks for one in report.sent), "chunk")
    done = counted(len(report.sent) - len(failed), "document")
    also = f", {len(failed)} failed" if failed else ""
    click.echo(f"{tenant}: {done} ({chunks}) can be searched{also}", err=True)


def _send(
    gateway: GatewayClient,
    one: DocumentAtHand,
    labels: Labels,
    bytes_max: int,
    report: IngestReport,
) -> None:
    """Read and send a document; where that fails, say why and go on with the next."""
    try:
        content, told = one.read(bytes_max)
        if len(content) > bytes_max:
            raise Unsendable(f"it has more than the {bytes_max} bytes that may be: split it")
        accepted = gateway.post("/v1/documents", labels.body(one, content, told))
    except (Unsendable, RequestRefused) as error:
        report.skipped.append(SkippedPath(one.name, str(error), failed=True))
        return
    report.sent.append(SentFile(one.name, accepted["document_id"], accepted["request_id"]))


def _document(gateway: GatewayClient, one: SentFile) -> dict[str, Any]:
    return gateway.get(f"/v1/documents/{one.document}")


def _wait(gateway: GatewayClient, sent: list[SentFile]) -> None:
    """Wait until every document is indexed or failed; raises click.ClickException.

    They are worked on in the order in which they were sent, more or less. So the oldest alone is
    looked at until it is through, and then the next: of ten thousand that wait, all but one are
    looked at once.
    """
    pending, moved_s, pause_s = deque(sent), time.monotonic(), PAUSE_S[0]
    with progress_bar(len(sent), "indexing") as advance:
        while pending:
            oldest = pending[0]
            if oldest.learn(_document(gateway, oldest)):
                moved_s = time.monotonic()
            if oldest.status not in UNDER_WAY:
                pending.popleft()
                advance()
                continue
            if time.monotonic() - moved_s > WAIT_MAX_S:
                # it may be the one that hangs: the others are looked at before all is given up
                moved = [one.learn(_document(gateway, one)) for one in pending]
                if not any(moved):
                    raise click.ClickException(
                        f"{counted(len(pending), 'document')} made no progress for "
                        f"{WAIT_MAX_S:g} s: see `playhead status` and `playhead dead-letters list`"
                    )
                moved_s = time.monotonic()
                pending.rotate(-1)
            time.sleep(pause_s)
            pause_s = min(PAUSE_S[1], pause_s * 1.5)
