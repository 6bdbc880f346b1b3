"""`playhead producers`: who may write requests straight to Kafka, and if they must prove it."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click

from edge.callers.api_keys import BadKey, instant, seconds
from edge.cli.output import print_json
from edge.requests import limits
from streams.log.configuration import PRODUCERS
from streams.log.offsets import NoAnswer, Partition, no_offsets, read_offsets
from streams.log.producer_signature import ProducerSigner
from streams.operations.configuring.changes_planned import usable
from streams.operations.configuring.choices_made import (
    ChoiceWish,
    chooser,
    opened,
    put_wish,
    standing_choices,
)
from streams.operations.options import Group, run_option
from streams.operations.printing import console
from streams.running.producer_gate import EVERY_TENANT
from streams.settings import Settings
from streams.topics import INBOX, REQUESTS

ASKED = tuple(topic.name for topic in (*REQUESTS, *INBOX))
TRIES = 5  # where somebody else changes them at the same moment
ProducerValues = dict[str, Any]
ProducerChange = Callable[[ProducerValues], ProducerValues]
"""Makes new values of those in force; leaves those as they are."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


class KnownProducer(NamedTuple):
    """A key as it is listed."""

    id: str
    tenant: str
    expires_at: str | None
    revoked: bool


@click.group(cls=Group)
def producers() -> None:
    """Say who may write requests straight to Kafka, and whether they must prove it.

    \b
    Example:
      playhead producers create --tenant acme > acme.key
      playhead producers require
      playhead producers revoke producer-1f0c4a7b2d9e
    """


@producers.command()
@click.option("--tenant", default="", help="Tenant that the key signs for.")
@click.option("--every-tenant", is_flag=True, help="It signs for all: the gateway's own key.")
@click.option("--ttl", help="Time to live: 90m, 12h, 30d; default: until revoked.")
@run_option
@json_option
def create(
    tenant: str, ttl: str | None, run: Path | None, *, every_tenant: bool, as_json: bool
) -> None:
    """Make a key that signs requests and records of the inbox; it is printed once, kept nowhere.

    Workers and gateways know what checks it from the log, within a second.

    \b
    Example:
      playhead producers create --tenant acme --ttl 90d > acme.key
      playhead producers create --every-tenant > gateway.key
    """
    if bool(tenant) is every_tenant:
        raise click.UsageError("name --tenant T, or --every-tenant for the gateway's own key")
    if tenant and not limits.TENANT.fullmatch(tenant):
        raise click.UsageError(f"--tenant {tenant!r}: use letters, digits, _ or -")
    try:
        until_s = None if ttl is None else int(time.time()) + seconds(ttl)
    except BadKey as error:
        raise click.UsageError(str(error)) from None
    identity, secret, public = new_key()
    entry: ProducerValues = {"tenant": tenant or EVERY_TENANT, "public_key": public}
    if until_s is not None:
        entry["until_us"] = until_s * 1_000_000

    def with_key(values: ProducerValues) -> ProducerValues:
        return {**values, "keys": {**values.get("keys", {}), identity: entry}}

    values = _change(run, with_key, f"a key of {entry['tenant']}: {identity}")
    if as_json:
        told = {"id": identity, "key": secret, "tenant": entry["tenant"]}
        print_json({**told, "expires_at": instant(until_s), "required": _required(values)})
        return
    click.echo(secret)
    click.echo(
        f"{identity} signs for {tenant or 'every tenant'}. Keep the key: it is not shown again.",
        err=True,
    )


@producers.command("list")
@run_option
@json_option
def list_producers(run: Path | None, as_json: bool) -> None:
    """List keys, and whether records must be signed.

    \b
    Example:
      playhead producers list --json
    """
    with opened(run) as (settings, _, log):
        values = standing_choices(settings, log).in_force(PRODUCERS).values
    known = _listed(values)
    if as_json:
        rows = [entry._asdict() for entry in known]
        print_json({"required": _required(values), "producers": rows})
        return
    from rich.table import Table

    table = Table("id", "tenant", "expires", "revoked", box=None)
    for entry in known:
        ends, gone = entry.expires_at or "never", "revoked" if entry.revoked else ""
        table.add_row(entry.id, entry.tenant, ends, gone)
    if known:
        console().print(table)
    must = "must be signed" if _required(values) else "need no signature"
    click.echo(f"requests on Kafka and records of the inbox {must}", err=True)


@producers.command()
@click.argument("key_id")
@run_option
@json_option
def revoke(key_id: str, run: Path | None, as_json: bool) -> None:
    """Take no record that a key signs from where the log ends now; what it signed before stands.

    \b
    Example:
      playhead producers revoke producer-1f0c4a7b2d9e
    """
    ends = ends_now(Settings.load(run=run))

    def without_key(values: ProducerValues) -> ProducerValues:
        known = values.get("keys", {})
        if key_id not in known:
            raise click.ClickException(f"no key {key_id}: `playhead producers list` shows them")
        if known[key_id].get("revoked_from"):
            return values
        return {**values, "keys": {**known, key_id: {**known[key_id], "revoked_from": ends}}}

    values = _change(run, without_key, f"revoked: {key_id}")
    _say(values, f"{key_id} is revoked", as_json=as_json)


@producers.command()
@run_option
@json_option
def require(run: Path | None, as_json: bool) -> None:
    """Take no unsigned request on Kafka, nor record of the inbox, from where the log ends now.

    What lies before is taken as it was. Gateways need a key first: PLAYHEAD_PRODUCER_KEY_FILE.
    Again after an upgrade, it asks the same of topics that are new.

    \b
    Example:
      playhead producers require
    """
    ends = ends_now(Settings.load(run=run))

    def asking(values: ProducerValues) -> ProducerValues:
        if not any(key["tenant"] == EVERY_TENANT for key in values.get("keys", {}).values()):
            raise click.ClickException(
                "there is no key for the gateway, so nobody could ask anything: make one with "
                "`playhead producers create --every-tenant`, set PLAYHEAD_PRODUCER_KEY_FILE to its "
                "file and start the gateways again"
            )
        # of topics that came with a later release, from now on
        return {**values, "required_from": {**ends, **values.get("required_from", {})}}

    values = _change(run, asking, "signatures are required")
    _say(values, "what is written from now on must be signed", as_json=as_json)


@producers.command("allow-unsigned")
@run_option
@json_option
def allow_unsigned(run: Path | None, as_json: bool) -> None:
    """Ask for no signature any more.

    \b
    Example:
      playhead producers allow-unsigned
    """

    def unasking(values: ProducerValues) -> ProducerValues:
        return {name: value for name, value in values.items() if name != "required_from"}

    values = _change(run, unasking, "signatures are not required")
    _say(values, "no signature is asked for", as_json=as_json)


def new_key() -> tuple[str, str, str]:
    """Make a key; returns its name, what its holder keeps, and what checks its signatures."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    identity = f"producer-{secrets.token_hex(6)}"
    private = Ed25519PrivateKey.generate()
    secret = f"{identity}:{_text(private.private_bytes_raw())}"
    ProducerSigner.of_secret(secret)  # what is printed can be read
    return identity, secret, _text(private.public_key().public_bytes_raw())


def ends_now(settings: Settings) -> dict[str, list[int]]:
    """Return where the topics that others write end now: topic -> offset of each lane."""
    places: list[Partition] = [
        (topic, lane) for topic in ASKED for lane in range(settings.partitions)
    ]
    try:
        extents = read_offsets(settings, {}, places).extents
    except NoAnswer as error:
        raise click.ClickException(no_offsets(settings.kafka, error)) from None
    return {
        topic: [extents[topic, lane].end for lane in range(settings.partitions)] for topic in ASKED
    }


def _change(run: Path | None, change: ProducerChange, note: str) -> ProducerValues:
    """Put changed values in force; returns them. Again where somebody else did so meanwhile."""
    with opened(run) as (settings, codec, log):
        basis: ProducerValues | None = None
        for _ in range(TRIES):
            standing = standing_choices(settings, log)
            before = standing.in_force(PRODUCERS).values
            values = change(before if basis is None else basis)
            if values == before:
                return values
            content = usable(PRODUCERS, values)
            wish = ChoiceWish(PRODUCERS, content, "set", chooser(None), note)
            place = put_wish(settings, codec, standing, wish)
            told = log.read()
            ours = next(one for one in told.history if one.offset == place.offset)
            if ours.replaced is None:
                return values
            # somebody's change came between, and ours has put it out of force: on top of it, then
            other = told.contents.get(ours.replaced)
            basis = before if other is None else other.values
    raise click.ClickException("others change the producers all the time: try again")


def _listed(values: Mapping[str, Any]) -> list[KnownProducer]:
    return [
        KnownProducer(
            identity,
            key["tenant"],
            instant(None if key.get("until_us") is None else key["until_us"] // 1_000_000),
            bool(key.get("revoked_from")),
        )
        for identity, key in sorted(values.get("keys", {}).items())
    ]


def _required(values: Mapping[str, Any]) -> bool:
    return bool(values.get("required_from"))


def _say(values: Mapping[str, Any], sentence: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"required": _required(values), "message": sentence})
    else:
        click.echo(sentence, err=True)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()
