"""`playhead ingest`: submit files over HTTP, like any other client."""

from __future__ import annotations

import base64
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from connectors.media_types import OF_SUFFIX
from connectors.sources.file_uris import unreadable_kind, uri_of
from edge.cli.output import print_json, progress_bar, with_progress
from edge.client.gateway_client import GatewayClient, connect
from edge.requests import limits
from streams.operations.options import run_option
from streams.operations.printing import counted
from streams.settings import Settings

WAIT_MAX_S = 600.0
"""How long `--wait` waits without any document getting further."""
PAUSE_S = (0.05, 1.0)
"""Between looks at the documents: the first pause and the longest."""
UNDER_WAY = ("accepted", "ingested")


@dataclass
class SentFile:
    """A file that the gateway took in as a document."""

    path: Path
    document: str
    request: str
    status: str = "accepted"
    reason: str = ""
    chunks: int = 0

    def learn(self, document: dict[str, Any]) -> bool:
        """Take over how the document fares; True where it got further."""
        if document["request_id"] != self.request:
            self.status = "superseded"
            return True
        moved = bool(document["status"] != self.status)
        self.status, self.reason = document["status"], document["reason"]
        self.chunks = document["chunks"]
        return moved


@dataclass
class IngestReport:
    """What became of the files."""

    sent: list[SentFile] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the JSON document of `--json`."""
        return {
            "documents": [
                {
                    "path": str(one.path),
                    "document_id": one.document,
                    "request_id": one.request,
                    "status": one.status,
                    "reason": one.reason,
                    "chunks": one.chunks,
                }
                for one in self.sent
            ],
            "skipped": [{"path": path, "reason": reason} for path, reason in self.skipped],
        }


@click.command()
@click.option("--tenant", required=True, help="Tenant that the documents belong to.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--wait", is_flag=True, help="Return when the documents can be searched.")
@click.option(
    "--policy",
    metavar="NAME",
    default=limits.CHUNK_POLICY,
    show_default=True,
    help="How documents are cut, as ingest is configured; another name is refused with those.",
)
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def ingest(
    tenant: str,
    paths: tuple[Path, ...],
    wait: bool,
    policy: str,
    run: Path | None,
    as_json: bool,
) -> None:
    """Submit files and folders of text, Markdown or HTML as documents.

    Files of other kinds in a folder are listed and skipped. Exits 1 where a path that was named
    can't be sent, and with --wait where a document failed.

    \b
    Example:
      playhead ingest --tenant acme handbook/ faq.md --wait
    """
    report = IngestReport()
    files = files_of(paths, report.skipped)
    if files:
        gateway = connect(Settings.load(run=run), tenant)
        for path in with_progress(files, "sending"):
            _send(gateway, tenant, path, policy, report)
        if wait:
            _wait(gateway, report.sent)
    if as_json:
        print_json(report.as_json())
    _tell(report, tenant, wait=wait)
    named = {str(path) for path in paths}
    failed = any(one.status == "failed" for one in report.sent)
    if failed or any(path in named for path, _ in report.skipped):
        sys.exit(1)


def _tell(report: IngestReport, tenant: str, *, wait: bool) -> None:
    """Say what became of the files; raises click.ClickException where nothing was sent."""
    for path, reason in report.skipped:
        click.echo(f"skipped {path}: {reason}", err=True)
    failed = [one for one in report.sent if one.status == "failed"]
    for one in failed:
        click.echo(f"failed {one.path}: {one.reason}", err=True)
    if not report.sent:
        raise click.ClickException(
            f"nothing was sent: name files that end in {', '.join(OF_SUFFIX)}, or folders with some"
        )
    if not wait:
        sent = counted(len(report.sent), "document")
        click.echo(f"{tenant}: {sent} accepted; indexing goes on (--wait waits for it)", err=True)
        return
    chunks = counted(sum(one.chunks for one in report.sent), "chunk")
    done = counted(len(report.sent) - len(failed), "document")
    also = f", {len(failed)} failed" if failed else ""
    click.echo(f"{tenant}: {done} ({chunks}) can be searched{also}", err=True)


# ---------------------------------------------------------------------- files


def files_of(paths: tuple[Path, ...], skipped: list[tuple[str, str]]) -> list[Path]:
    """List the readable files under paths, in order, each once; hidden ones are left out."""
    files: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            skipped.append((str(path), "no such file or folder"))
            continue
        for file in _visible_below(path) if path.is_dir() else [path]:
            if file.suffix.lower() in OF_SUFFIX or (not file.suffix and file == path):
                files[file] = None
            else:
                skipped.append((str(file), unreadable_kind(file.name)))
    return list(files)


def _visible_below(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.rglob("*")
        if file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )


# ---------------------------------------------------------------------- documents


def _send(
    gateway: GatewayClient, tenant: str, path: Path, policy: str, report: IngestReport
) -> None:
    try:
        content = path.read_bytes()
    except OSError as error:
        report.skipped.append((str(path), error.strerror or "can't be read"))
        return
    body: dict[str, Any] = {
        "uri": uri_of(path),
        "media_type": OF_SUFFIX.get(path.suffix.lower(), "text/plain"),
        "chunk_policy": policy,
        "tenant": tenant,
    }
    try:
        body["content"] = content.decode("utf-8")
    except UnicodeDecodeError:
        body["content_base64"] = base64.b64encode(content).decode()
    accepted = gateway.post("/v1/documents", body)
    report.sent.append(SentFile(path, accepted["document_id"], accepted["request_id"]))


def _wait(gateway: GatewayClient, sent: list[SentFile]) -> None:
    """Wait until every document is indexed or failed; raises click.ClickException."""
    pending, moved_s, pause_s = sent, time.monotonic(), PAUSE_S[0]
    with progress_bar(len(sent), "indexing") as advance:
        while True:
            for one in pending:
                if one.learn(gateway.get(f"/v1/documents/{one.document}")):
                    moved_s = time.monotonic()
                if one.status not in UNDER_WAY:
                    advance()
            pending = [one for one in pending if one.status in UNDER_WAY]
            if not pending:
                return
            if time.monotonic() - moved_s > WAIT_MAX_S:
                raise click.ClickException(
                    f"{counted(len(pending), 'document')} made no progress for {WAIT_MAX_S:g} s: "
                    "see `playhead status` and `playhead dead-letters list`"
                )
            time.sleep(pause_s)
            pause_s = min(PAUSE_S[1], pause_s * 1.5)
