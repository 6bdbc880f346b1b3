"""`playhead ingest` and `playhead chat`: clients of the gateway, over HTTP like any other."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click
import httpx

from connectors.media_types import OF_SUFFIX
from edge.cli import local_key
from edge.producer import CHUNK_POLICIES
from streams.settings import Settings

RETRIES_MAX = 5
BUSY_S = 60.0
"""Longest pause that a gateway without room may ask for; it is asked RETRIES_MAX times more."""
WAIT_MAX_S = 600.0
"""How long `--wait` waits without any document getting further."""

T = TypeVar("T")


class Gateway:
    """The gateway as its clients see it; repeats what failed on the way, under one key."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(60.0, connect=5.0),
            trust_env=False,
        )

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send a request once, however often it takes; raises click.ClickException."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self._json(lambda: self._http.post(path, json=body, headers=headers))

    def get(self, path: str) -> dict[str, Any]:
        """Read; raises click.ClickException."""
        return self._json(lambda: self._http.get(path))

    def stream(self, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the frames of an answer; a lost connection is taken up after the last frame.

        Raises click.ClickException.
        """
        headers = {"Accept": "text/event-stream", "Idempotency-Key": str(uuid.uuid4())}
        method, cursor, request, failures, busy = "POST", "", "", 0, 0
        while True:
            try:
                with self._http.stream(
                    method,
                    path,
                    headers={**headers, **({"Last-Event-ID": cursor} if cursor else {})},
                    json=body if method == "POST" else None,
                ) as response:
                    if response.status_code in (429, 503) and busy < RETRIES_MAX:
                        busy += 1
                        time.sleep(_pause_s(response, busy))
                        continue
                    if response.is_error:
                        response.read()
                        raise click.ClickException(_problem(response))
                    for line in response.iter_lines():
                        if not line.startswith("data: "):
                            continue
                        frame: dict[str, Any] = json.loads(line[6:])
                        cursor, request = frame["cursor"], frame["request_id"]
                        yield frame
                        if frame["type"] in ("completed", "retracted", "error"):
                            return
            except httpx.TransportError as error:
                failures += 1
                if failures > RETRIES_MAX or not request:
                    raise click.ClickException(self._away(error)) from None
                time.sleep(0.2 * 2**failures)
            else:
                failures += 1
                if failures > RETRIES_MAX:
                    raise click.ClickException("the stream ended before the answer did: try again")
            if request:
                method, path = "GET", f"/v1/messages/{request}"

    def _json(self, send: Callable[[], httpx.Response]) -> dict[str, Any]:
        for attempt in range(RETRIES_MAX + 1):
            try:
                response = send()
            except httpx.TransportError as error:
                if attempt == RETRIES_MAX:
                    raise click.ClickException(self._away(error)) from None
                time.sleep(0.2 * 2**attempt)
            else:
                if response.status_code not in (429, 503) or attempt == RETRIES_MAX:
                    if response.is_error:
                        raise click.ClickException(_problem(response))
                    answer: dict[str, Any] = response.json()
                    return answer
                time.sleep(_pause_s(response, attempt))
        raise AssertionError

    def _away(self, error: Exception) -> str:
        return (
            f"no gateway answers at {self._url} ({type(error).__name__}): start one with "
            "`playhead up --detach`, or name another with PLAYHEAD_GATEWAY"
        )


def connect(tenant: str) -> Gateway:
    """Return the gateway of the settings, with the key of the environment or of the local stack."""
    settings = Settings.load()
    key = os.environ.get("PLAYHEAD_KEY") or local_key(settings, tenant)
    return Gateway(settings.gateway, key)


def _pause_s(response: httpx.Response, attempt: int) -> float:
    """Return how long to wait before a request is sent again: what the gateway asks for."""
    asked = response.headers.get("retry-after", "")
    return min(BUSY_S, float(asked)) if asked.isdigit() else 0.2 * 2**attempt


def _problem(response: httpx.Response) -> str:
    try:
        problem = response.json()
        return f"{problem['title']}: {problem['detail']} (request {problem['request_id']})"
    except (ValueError, KeyError, TypeError):
        return f"the gateway answered {response.status_code}: is PLAYHEAD_GATEWAY its address?"


# ---------------------------------------------------------------------- ingest


@dataclass
class Sent:
    """A document that the gateway took in."""

    path: Path
    document: str
    request: str
    status: str = "accepted"
    reason: str = ""
    chunks: int = 0


@dataclass
class Report:
    """What became of the files."""

    sent: list[Sent] = field(default_factory=list)
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


def files_of(paths: tuple[Path, ...], skipped: list[tuple[str, str]]) -> list[Path]:
    """List the readable files under paths, in order, each once; hidden ones are left out."""
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            skipped.append((str(path), "no such file"))
            continue
        below = (
            sorted(
                one
                for one in path.rglob("*")
                if one.is_file()
                and not any(part.startswith(".") for part in one.relative_to(path).parts)
            )
            if path.is_dir()
            else [path]
        )
        for one in below:
            if one.suffix.lower() in OF_SUFFIX or (not one.suffix and one == path):
                found[one] = None
            else:
                skipped.append((str(one), f"{one.suffix or 'no suffix'} is no text we can read"))
    return list(found)


def uri_of(path: Path) -> str:
    """Name a file as a document; the home folder becomes `~`, since it holds a person's name."""
    full = path.resolve()
    home = Path.home()
    if home != Path("/") and full.is_relative_to(home):
        return f"file:~/{full.relative_to(home).as_posix()}"
    return full.as_uri()


@click.command()
@click.option("--tenant", required=True, help="Tenant that the documents belong to.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--wait", is_flag=True, help="Until the documents can be found.")
@click.option(
    "--policy",
    type=click.Choice(CHUNK_POLICIES),
    default="procedural",
    show_default=True,
    help="How documents are cut.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def ingest(tenant: str, paths: tuple[Path, ...], wait: bool, policy: str, as_json: bool) -> None:
    """Hand in files and folders of text, Markdown or HTML as documents.

    Files of other kinds are listed and left out. With --wait, exit 1 if a document failed.

    \b
    Example:
      playhead ingest --tenant acme handbook/ faq.md --wait
    """
    report = Report()
    files = files_of(paths, report.skipped)
    gateway = connect(tenant) if files else None
    if gateway is not None:
        for path in _progress(files, "sending"):
            _send(gateway, tenant, path, policy, report)
        if wait:
            _wait(gateway, report)
    if as_json:
        json.dump(report.as_json(), sys.stdout, ensure_ascii=False)
        sys.stdout.write("\n")
    for skipped, reason in report.skipped:
        click.echo(f"left out {skipped}: {reason}", err=True)
    failed = [one for one in report.sent if one.status == "failed"]
    for one in failed:
        click.echo(f"failed {one.path}: {one.reason}", err=True)
    if not report.sent:
        raise click.ClickException(
            f"nothing was sent: give files that end with {', '.join(OF_SUFFIX)}, or folders of them"
        )
    chunks = sum(one.chunks for one in report.sent)
    done = f"{chunks} chunks can be found" if wait else "they are being indexed"
    click.echo(f"{len(report.sent)} documents sent to {tenant}; {done}", err=True)
    if failed:
        sys.exit(1)


def _send(gateway: Gateway, tenant: str, path: Path, policy: str, report: Report) -> None:
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
        import base64

        body["content_base64"] = base64.b64encode(content).decode()
    taken = gateway.post("/v1/documents", body)
    report.sent.append(Sent(path, taken["document_id"], taken["request_id"]))


def _wait(gateway: Gateway, report: Report) -> None:
    pending = list(report.sent)
    moved = time.monotonic()
    pause_s = 0.05
    with _bar(len(pending), "indexing") as advance:
        while pending:
            still = []
            for one in pending:
                view = gateway.get(f"/v1/documents/{one.document}")
                if view["request_id"] == one.request:
                    if view["status"] != one.status:
                        moved = time.monotonic()
                    one.status, one.reason = view["status"], view["reason"]
                    one.chunks = view["chunks"]
                else:
                    one.status = "superseded"
                if one.status in ("accepted", "ingested"):
                    still.append(one)
                else:
                    advance()
            pending = still
            if pending and time.monotonic() - moved > WAIT_MAX_S:
                raise click.ClickException(
                    f"{len(pending)} documents got no further for {WAIT_MAX_S:g} s: see "
                    "`playhead status` and `playhead dead-letters list`"
                )
            if pending:
                time.sleep(pause_s)
                pause_s = min(1.0, pause_s * 1.5)


def _progress(items: list[T], label: str) -> Iterator[T]:
    with _bar(len(items), label) as advance:
        for item in items:
            yield item
            advance()


class _bar:  # noqa: N801 - used like a function
    """A progress bar on a terminal's stderr; nothing elsewhere."""

    def __init__(self, total: int, label: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        self._progress = Progress(
            "[progress.description]{task.description}",
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task(label, total=total)

    def __enter__(self) -> Callable[[], None]:
        self._progress.start()
        return lambda: self._progress.advance(self._task)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


# ---------------------------------------------------------------------- chat


@click.command()
@click.option("--tenant", required=True, help="Tenant whose documents answer.")
@click.option("--session", default="", help="Conversation to go on with; default: a new one.")
@click.option("--max-tokens", type=click.IntRange(1, 4096), default=160, show_default=True)
@click.option("--budget-ms", type=click.IntRange(100, 600_000), help="Time for the answer.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as one JSON document.")
@click.argument("question")
def chat(
    tenant: str,
    session: str,
    max_tokens: int,
    budget_ms: int | None,
    as_json: bool,
    question: str,
) -> None:
    """Ask a question; the answer streams, then come its citations.

    \b
    Example:
      playhead chat --tenant acme "How long is the notice period?"
      playhead chat --tenant acme --session s-42 "And for part-time staff?"
    """
    body: dict[str, Any] = {
        "text": question,
        "stream": True,
        "max_tokens": max_tokens,
        "tenant": tenant,
    }
    if session:
        body["session_id"] = session
    if budget_ms is not None:
        body["budget_ms"] = budget_ms
    answer = answer_of(connect(tenant), body, show=not as_json)
    if as_json:
        json.dump(answer, sys.stdout, ensure_ascii=False)
        sys.stdout.write("\n")


def answer_of(gateway: Gateway, body: dict[str, Any], *, show: bool) -> dict[str, Any]:
    """Stream an answer to the terminal and return it; raises click.ClickException."""
    from rich.console import Console

    console, notes = (
        Console(highlight=False, soft_wrap=True),
        Console(stderr=True, highlight=False, soft_wrap=True),
    )
    answer: dict[str, Any] = {}
    began, first_ms = time.monotonic(), None
    for frame in gateway.stream("/v1/messages", body):
        match frame["type"]:
            case "accepted":
                answer["session_id"] = frame["session_id"]
            case "delta":
                first_ms = first_ms or round((time.monotonic() - began) * 1_000)
                if show:
                    console.print(frame["text"], end="", markup=False)
                    console.file.flush()
            case "restarted" if show:
                console.print()
                notes.print("[dim]the answer starts over[/dim]")
            case "completed":
                answer.update({k: v for k, v in frame.items() if k not in ("type", "cursor")})
                if show:
                    console.print()
                    _show_citations(frame, console)
            case "retracted":
                raise click.ClickException(f"the answer was retracted: {frame['reason']}")
            case "error":
                raise click.ClickException(
                    f"{frame['title']}: {frame['detail']} (request {frame['request_id']})"
                )
            case _:
                pass
    if show:
        notes.print(
            f"[dim]session {answer['session_id']} · request {answer['request_id']} · "
            f"first words after {first_ms} ms · {answer['finish_reason']}[/dim]"
        )
    return answer


def _show_citations(frame: dict[str, Any], console: Any) -> None:
    from rich.text import Text

    for number, citation in enumerate(frame["citations"], start=1):
        line = Text(f"  [{number}] ", style="dim")
        line.append(citation["title"] or citation["uri"], style="bold")
        line.append(f"  {citation['uri']}\n", style="dim")
        line.append(f"      {citation['quote']}", style="italic dim")
        console.print(line)
    if frame["degraded"]:
        console.print(Text(f"  left out: {', '.join(frame['degraded'])}", style="dim"))
