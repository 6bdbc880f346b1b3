"""`playhead replay as-of` on the command line."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from replay.configurations import Configurations
from replay.log import BrokerLog
from replay.past.past_positions import positions_of
from replay.past.retrieved_then import (
    ConfiguredRun,
    a_query,
    close_all,
    difference_of,
    open_connectors,
    present_run,
    recorded_retrieval,
    recorded_run,
    retrieved_as_of,
)
from schemas import Ask, ChunksRetrieved, QueryRewritten
from streams.log.chosen_model import in_force
from streams.log.codec import Codec
from streams.log.configuration import POLICY
from streams.log.configuration_log import ConfigurationLog
from streams.operations.options import microseconds, run_option
from streams.operations.printing import console, counted
from streams.settings import Settings

SHOWN_CHARACTERS = 200  # of a passage, to people
PASSAGES_MAX = 100
POSITION_DIGITS_MAX = 18  # it has 63 bits


def _filters(_: click.Context, option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pairs = dict(item.partition("=")[::2] for item in given)
    if any("=" not in item for item in given):
        raise click.BadParameter("write it as NAME=VALUE", param=option)
    return pairs


@click.command("as-of")
@click.argument("when", required=False)
@click.argument("question", required=False)
@click.option("--tenant", help="Whose index is searched.")
@click.option("--request", help="Search again for what this request searched for, as of then.")
@click.option("--group", "groups", multiple=True, help="A group of the reader; may be repeated.")
@click.option(
    "--filter",
    "filters",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_filters,
    help="Metadata that documents had then; may be repeated.",
)
@click.option(
    "-k",
    "--passages",
    type=click.IntRange(1, PASSAGES_MAX),
    default=6,
    show_default=True,
    help="Most passages to show.",
)
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def as_of_command(
    when: str | None,
    question: str | None,
    tenant: str | None,
    request: str | None,
    groups: tuple[str, ...],
    filters: dict[str, str],
    passages: int,
    run: Path | None,
    as_json: bool,
) -> None:
    """Search the index as it was WHEN: a position of the log, or a time (ISO 8601).

    Passages, groups and permissions are those of then. Nothing is written, neither to the log nor
    to the index. With --request what a recorded request searched for is searched again at the
    position that it saw, and compared: exits 1 where other passages are found.

    \b
    Example:
      playhead replay as-of 2026-11-01T12:00:00+00:00 "How long is the notice?" --tenant acme
      playhead replay as-of 4711 "How long is the notice?" --tenant acme --group hr
      playhead replay as-of --request 5b0f2e0e-6a55-5ab4-9d56-0c2f3f1a2b3c
    """
    settings = Settings.load(run=run)
    if request is not None:
        if when or question or tenant:
            raise click.UsageError("--request has a position, a query and a tenant of its own")
        _again(settings, request, as_json=as_json)
        return
    if not (when and question and tenant):
        raise click.UsageError("name WHEN, QUESTION and --tenant, or --request")
    ask = Ask(mode="search", passages_max=passages, groups=groups, filters=filters)
    with closing(BrokerLog(settings)) as log:
        codec = Codec(log.ids)
        known = positions_of(log, codec, tenant)
        position = _number(when) if when.isdecimal() else known.at(_time(when))
    if position < 0:
        raise LookupError(f"nothing of tenant {tenant} was indexed by {when}")
    query = a_query(tenant, known.lane, question, ask)
    found = _found(settings, query, position, _present(settings, codec), codec)
    document = {"tenant": tenant, "position": position, **_passages(found)}
    if as_json:
        click.echo(json.dumps(document, indent=1, ensure_ascii=False))
        return
    count = counted(len(found.passages), "passage")
    out = console()
    out.print(f"{count} as of position {position} of lane {known.lane}", highlight=False)
    for number, passage in enumerate(found.passages, 1):
        title = passage.title or passage.uri
        text = " ".join(passage.text.split())[:SHOWN_CHARACTERS]
        out.print(
            f"{number}. {title} (version {passage.version}, {passage.score:.3f}): {text}",
            markup=False,
            highlight=False,
        )


def _number(when: str) -> int:
    if len(when) > POSITION_DIGITS_MAX:
        raise click.UsageError(f"{when[:30]}… is no position: the log counts no further")
    return int(when)


def _time(when: str) -> int:
    option = click.Argument(["when"])
    moment = microseconds(click.get_current_context(), option, when)
    assert moment is not None
    if moment > datetime.now(UTC).timestamp() * 1_000_000:
        raise click.BadParameter(f"{when} has not come yet", param=option)
    return moment


def _present(settings: Settings, codec: Codec) -> ConfiguredRun:
    """Return what retrieve runs with today, by the log."""
    shipped = in_force(settings)
    with closing(ConfigurationLog(settings, codec)) as log:
        chosen = log.read()
    configured = chosen.in_force("retrieve", shipped["retrieve"])
    return present_run(configured, chosen.in_force(POLICY, shipped[POLICY]), settings.region)


def _again(settings: Settings, request: str, *, as_json: bool) -> None:
    with closing(BrokerLog(settings)) as log:
        codec = Codec(log.ids)
        recorded = recorded_retrieval(log, codec, request)
        run = recorded_run(recorded, Configurations(log, codec))
    found = _found(settings, recorded.query, recorded.position, run, codec)
    differs = difference_of(recorded.retrieved.passages, found.passages)
    document = {
        "request_id": request,
        "position": recorded.position,
        "same": not differs,
        "differences": differs,
        **_passages(found),
    }
    if as_json:
        click.echo(json.dumps(document, indent=1, ensure_ascii=False))
    else:
        said = counted(len(found.passages), "passage")
        verdict = "the same as were recorded" if not differs else "not those that were recorded"
        click.echo(f"{said} as of position {recorded.position}: {verdict}")
        for reason in differs:
            click.echo(f"  {reason}")
        if differs and recorded.retrieved.degraded:
            click.echo(f"  then it was degraded: {', '.join(recorded.retrieved.degraded)}")
    sys.exit(1 if differs else 0)


def _found(
    settings: Settings, query: QueryRewritten, position: int, run: ConfiguredRun, codec: Codec
) -> ChunksRetrieved:
    async def retrieve() -> ChunksRetrieved:
        connectors = open_connectors(settings)
        try:
            return await retrieved_as_of(
                query, position, run, connectors, codec, settings.call_timeout_s
            )
        finally:
            await close_all(connectors)

    return asyncio.run(retrieve())


def _passages(found: ChunksRetrieved) -> dict[str, Any]:
    return {
        "index": found.index,
        "outcome": found.outcome,
        "reason": found.reason,
        "passages": [
            {
                "document_id": one.document,
                "chunk_id": one.chunk,
                "version": one.version,
                "title": one.title,
                "uri": one.uri,
                "text": one.text,
                "score": one.score,
            }
            for one in found.passages
        ],
    }
