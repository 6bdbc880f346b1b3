"""`playhead replay timeline` on the command line."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from replay.archive_places import ArchivePlace, archive_option
from replay.one_request import events_by_request
from replay.opening_logs import open_log
from replay.recorded_spans import export_spans, spans_of
from replay.terminal import stages_table, timeline_table
from schemas import Event, SessionForked, SessionOrigin
from streams.operations.budget import stages
from streams.operations.options import run_option
from streams.operations.printing import console, counted
from streams.operations.timeline import timeline
from streams.settings import Settings
from streams.watching.tracing import trace_id_of


@click.command("timeline")
@click.argument("name", metavar="ID")
@archive_option
@click.option(
    "--format",
    "kind",
    type=click.Choice(["table", "otlp"]),
    default="table",
    show_default=True,
    help="Show it, or send it to a collector as OpenTelemetry spans.",
)
@click.option("--endpoint", metavar="URL", help="Collector of --format otlp, over HTTP.")
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def timeline_command(
    name: str,
    archive: ArchivePlace | None,
    kind: str,
    endpoint: str | None,
    run: Path | None,
    as_json: bool,
) -> None:
    """Follow ID from the edge to its last record: queueing, running and effects of each step.

    ID is a request, a session or a document; of the last two each request is shown. Of a question
    it also tells what share of its time each stage had, and what was left out; of a fork, where it
    comes from.

    \b
    Example:
      playhead replay timeline 5b0f2e0e-6a55-5ab4-9d56-0c2f3f1a2b3c
      playhead replay timeline SESSION --format otlp --endpoint http://127.0.0.1:4318
    """
    collector = _collector(kind, endpoint)
    with closing(open_log(archive, Settings.load(run=run))) as log:
        by_request = events_by_request(log, name)
    if collector is not None:
        _send(by_request, collector, as_json=as_json)
    elif as_json:
        told = [_told(request, events) for request, events in by_request.items()]
        document = told[0] if name in by_request else {"id": name, "requests": told}
        click.echo(json.dumps(document, indent=1))
    else:
        for number, (request, events) in enumerate(by_request.items()):
            _show(request, events, named=name not in by_request, first=not number)


def _collector(kind: str, endpoint: str | None) -> str | None:
    if (kind == "otlp") != (endpoint is not None):
        raise click.UsageError("--format otlp and --endpoint URL go together")
    if endpoint is not None and urlsplit(endpoint).scheme not in {"http", "https"}:
        raise click.UsageError(f"{endpoint!r} is no address of a collector: http://HOST:4318, say")
    return endpoint


def _told(request: str, events: Sequence[Event]) -> dict[str, Any]:
    return {
        "request_id": request,
        "session_id": events[0].meta.session,
        "trace_id": _trace_of(events),
        **({"origin": origin.to_avro()} if (origin := _origin_of(events)) else {}),
        "steps": [run.as_json() for run in timeline(events)],
        "stages": [stage.as_json() for stage in stages(events)],
    }


def _origin_of(events: Sequence[Event]) -> SessionOrigin | None:
    """Return where a conversation comes from, where these are the records of its fork."""
    forks = (event.origin for event in events if isinstance(event, SessionForked))
    return next(forks, None)


def _trace_of(events: Sequence[Event]) -> str:
    first = min(events, key=lambda event: (event.meta.at, event.meta.ordinal))
    return trace_id_of(first.meta.trace)


def _show(request: str, events: Sequence[Event], *, named: bool, first: bool) -> None:
    out = console()
    if not first:
        out.print()
    trace = _trace_of(events)
    if named:
        out.print(f"request {request}", highlight=False)
    if trace:
        out.print(f"trace {trace}", highlight=False)
    if origin := _origin_of(events):
        where = "before request" if origin.before else "from request"
        read = f", read from archive {origin.archive[:12]}…" if origin.archive else ""
        out.print(
            f"forked {where} {origin.request} of tenant {origin.tenant}, session {origin.session} "
            f"({origin.topic}[{origin.partition}]@{origin.offset}{read})",
            highlight=False,
            markup=False,
        )
    out.print(timeline_table(timeline(events)))
    if passed := stages(events):
        out.print()
        out.print(stages_table(passed))


def _send(by_request: dict[str, list[Event]], collector: str, *, as_json: bool) -> None:
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # what goes wrong is raised
    spans = [span for events in by_request.values() for span in spans_of(events)]
    sent = export_spans(spans, collector)
    if as_json:
        click.echo(json.dumps({"endpoint": collector, "requests": [*by_request], "spans": sent}))
    else:
        requests = counted(len(by_request), "request")
        click.echo(f"{counted(sent, 'span')} of {requests}: {collector}")
