"""`playhead replay fork`: a new session that goes on from a recorded one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from getpass import getuser
from pathlib import Path
from typing import Any

import click

from agents.errors import Permanent, Transient
from connectors.keyring.sealing import KeyringSealer
from edge.requests.publishing import RequestPublisher
from infra.session_forks import ForkDesk, ForkWish, taken_in
from replay.archive import ArchiveLog
from replay.archive_places import ArchiveParameter, ArchivePlace
from replay.forking.recorded_session import CarriedSession, session_at
from replay.log import BrokerLog, Log
from replay.opening_logs import open_archive
from schemas import SessionForked
from streams.log.chosen_model import in_force
from streams.log.codec import Codec
from streams.log.configuration_log import ConfigurationLog
from streams.log.offsets import read_offsets
from streams.log.writing import Position
from streams.operations.options import NumberRange, run_option
from streams.operations.printing import counted
from streams.running.producer_proof import ProducerProof
from streams.settings import Settings

WAIT_S = 15.0


@click.command("fork")
@click.argument("request", metavar="REQUEST")
@click.option("--as", "session", metavar="SESSION", required=True, help="Name of the new session.")
@click.option("--on", "target", metavar="TENANT", help="Tenant that it goes on in.  [ORIGIN-test]")
@click.option("--user", help="User who goes on, as API keys call them.  [the local stack's]")
@click.option("--before", is_flag=True, help="Leave REQUEST out, to ask else in its place.")
@click.option("--tenant", help="Tenant that REQUEST must be of.")
@click.option("--archive", type=ArchiveParameter(), help="Read REQUEST from an archive.")
@click.option(
    "--live-tenant", is_flag=True, help="Let it go on in a tenant that is no test tenant."
)
@click.option(
    "--with-values", is_flag=True, help="Keep values behind placeholders: for the same user alone."
)
@click.option(
    "--wait",
    "wait_s",
    type=NumberRange(0, 3_600),
    default=WAIT_S,
    show_default=True,
    help="Seconds to wait until workers have taken it in.",
)
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def fork(
    request: str,
    session: str,
    target: str | None,
    user: str | None,
    before: bool,
    tenant: str | None,
    archive: ArchivePlace | None,
    live_tenant: bool,
    with_values: bool,
    wait_s: float,
    run: Path | None,
    as_json: bool,
) -> None:
    """Begin SESSION with what the conversation of REQUEST had come to: then ask on, live.

    The turns up to the answer to REQUEST, their summary and the placeholders in use are put on the
    log as the beginning of SESSION, by the texts that the log holds: redacted. The original is not
    touched. What is asked on searches the documents of the new tenant as they are now, under the
    configurations in force now.

    \b
    Example:
      playhead replay fork 5b0f2e0e-6a55-5ab4-9d56-0c2f3f1a2b3c --as try-1 --on acme-test
      playhead chat --tenant acme-test --session try-1 "And for part-time staff?"
    """
    settings = Settings.load(run=run)
    with _telling(), closing(BrokerLog(settings)) as log:
        source: Log = open_archive(archive, settings) if archive else log
        carried = session_at(
            source,
            Codec(source.ids),
            request,
            tenant=tenant,
            before=before,
            archive=source.digest if isinstance(source, ArchiveLog) else "",
        )
        wish = ForkWish(
            target if target is not None else f"{carried.origin.tenant}-test",
            session,
            user if user is not None else local_user(),
            live=live_tenant,
            values=with_values,
        )
        event, position = _forked(settings, log, carried, wish, source)
        others = _configured_otherwise(settings, Codec(log.ids), carried)
        waits = position is not None and wait_s > 0
        taken = not waits or _taken_in(settings, position, wait_s)
    told = _told(event, carried, others, already=position is None, taken_in=taken)
    if as_json:
        click.echo(json.dumps(told, indent=1))
    else:
        _say(told, wish)
    if not taken:
        raise click.ClickException(
            f"the fork is on the log, and no worker has taken it in within {wait_s:g} s: ask once "
            "`playhead lag` tells that redact and rewrite have come to its end"
        )


def local_user() -> str:
    """Return the user of the key that the local stack has for each tenant."""
    return f"local-{os.environ.get('USER') or 'local'}"


@contextmanager
def _telling() -> Iterator[None]:
    """Tell what was refused in a line."""
    try:
        yield
    except (Permanent, Transient) as error:
        raise click.ClickException(str(error)) from error


def _forked(
    settings: Settings, log: Log, carried: CarriedSession, wish: ForkWish, source: Log
) -> tuple[SessionForked, Position | None]:
    codec = Codec(log.ids)
    must_sign = ProducerProof.now(settings, codec).asked
    with closing(
        RequestPublisher(settings, codec, client="fork", must_sign=must_sign)
    ) as publisher:
        desk = ForkDesk(settings, KeyringSealer(settings), publisher, log)
        return desk.fork(carried, wish, by=_operator(), source=source)


def _taken_in(settings: Settings, position: Position | None, wait_s: float) -> bool:
    assert position is not None
    return taken_in(settings, position.partition, position.offset, wait_s, read_offsets)


def _configured_otherwise(settings: Settings, codec: Codec, carried: CarriedSession) -> list[str]:
    """List the steps that are configured otherwise now than when the request was answered."""
    shipped = in_force(settings)
    with closing(ConfigurationLog(settings, codec)) as log:
        chosen = log.read()
    return [
        step
        for step, digest in carried.origin.configurations.items()
        if step in shipped and chosen.in_force(step, shipped[step]).digest != digest
    ]


def _operator() -> str:
    try:
        return getuser()
    except (OSError, KeyError):
        return "operator"


def _told(
    event: SessionForked,
    carried: CarriedSession,
    others: list[str],
    *,
    already: bool,
    taken_in: bool,
) -> dict[str, Any]:
    return {
        "request_id": event.meta.request,
        "tenant": event.meta.tenant,
        "session_id": event.meta.session,
        "subject": event.subject,
        "origin": event.origin.to_avro(),
        "turns": len(event.turns),
        "summed_up": 0 if event.summary is None else event.summary.turns,
        "placeholders": len(event.placeholders),
        "with_values": any(one.digest for one in event.placeholders),
        "retracted": carried.retracted,
        "configured_otherwise": others,
        "already": already,
        "taken_in": taken_in,
    }


def _say(told: dict[str, Any], wish: ForkWish) -> None:
    origin = told["origin"]
    where = "before request" if origin["before"] else "from request"
    already = ", as it did already" if told["already"] else ""
    click.echo(
        f"session {told['session_id']} of {told['tenant']} goes on {where} {origin['request']} of "
        f"{origin['tenant']}{already}: {counted(told['turns'], 'turn')}, "
        f"{told['summed_up']} before them summed up"
    )
    if told["placeholders"]:
        kept = "with their values" if told["with_values"] else "without values"
        click.echo(f"  {counted(told['placeholders'], 'placeholder')}, {kept}")
    if told["retracted"]:
        click.echo(f"  without {counted(told['retracted'], 'answer')} that was retracted")
    if told["configured_otherwise"]:
        click.echo(f"  configured otherwise since: {', '.join(told['configured_otherwise'])}")
    click.echo(f"  it searches the documents of {told['tenant']} as they are now")
    if wish.user == local_user():
        click.echo(
            f"ask on: playhead chat --tenant {told['tenant']} --session {told['session_id']} …"
        )
    else:
        click.echo(f"ask on with a key of the user {wish.user}, in this session")
