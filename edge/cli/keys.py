"""`playhead keys`."""

from __future__ import annotations

from pathlib import Path

import click

from edge.callers.api_keys import (
    DEFAULT_SCOPES,
    ApiKey,
    ApiKeys,
    BadKey,
    instant,
    keys_path,
    seconds,
)
from edge.callers.scopes import SCOPES, granted
from edge.cli.output import print_json
from streams.operations.options import Group, run_option
from streams.operations.printing import console
from streams.settings import Settings


@click.group(cls=Group)
def keys() -> None:
    """Make, revoke and list API keys.

    \b
    Example:
      playhead keys create --tenant acme --ttl 30d
      playhead keys list
      playhead keys revoke key-1f0c4a7b2d9e
    """


@keys.command()
@click.option("--tenant", required=True, help="Tenant that the key belongs to.")
@click.option(
    "--user",
    default="",
    help="Person whose messages these are (the data subject); default: the key itself.",
)
@click.option(
    "--scopes",
    default=",".join(DEFAULT_SCOPES),
    show_default=True,
    help="What it may do. " + "; ".join(f"{name}: {what}" for name, what in SCOPES.items()) + ".",
)
@click.option(
    "--groups", default="", help="Groups whose documents the user may read, separated by commas."
)
@click.option("--ttl", help="Time to live: 90m, 12h, 30d; default: until revoked.")
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def create(
    tenant: str,
    user: str,
    scopes: str,
    groups: str,
    ttl: str | None,
    run: Path | None,
    as_json: bool,
) -> None:
    """Make a key; it is printed once and stored hashed.

    \b
    Example:
      playhead keys create --tenant acme --user jane --scopes ask --ttl 12h
    """
    try:
        store = ApiKeys(keys_path(Settings.load(run=run)))
        entry, secret = store.create(
            tenant,
            user=user,
            scopes=_split(scopes),
            groups=_split(groups),
            ttl_s=None if ttl is None else seconds(ttl),
        )
    except BadKey as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        print_json(_with_secret(entry, secret))
        return
    click.echo(secret)
    click.echo(
        f"{entry.id} for tenant {entry.tenant}, user {entry.user}. {_extent(entry)} "
        "Keep the key: it is not shown again.",
        err=True,
    )


@keys.command()
@click.argument("key_id")
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def revoke(key_id: str, run: Path | None, as_json: bool) -> None:
    """End a key at once and for good.

    \b
    Example:
      playhead keys revoke key-1f0c4a7b2d9e
    """
    try:
        entry = ApiKeys(keys_path(Settings.load(run=run))).revoke(key_id)
    except BadKey as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        print_json(entry.as_json())
    else:
        click.echo(f"{entry.id} is revoked since {instant(entry.revoked_s)}", err=True)


@keys.command("list")
@click.option("--tenant", default="", help="Only this tenant's.")
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_keys(tenant: str, run: Path | None, as_json: bool) -> None:
    """List keys, without the keys themselves.

    \b
    Example:
      playhead keys list --tenant acme
    """
    entries = ApiKeys(keys_path(Settings.load(run=run))).all(tenant)
    if as_json:
        print_json([entry.as_json() for entry in entries])
    elif not entries:
        click.echo("no keys yet: `playhead keys create --tenant T` makes one", err=True)
    else:
        _print_table(entries)


def _extent(entry: ApiKey) -> str:
    """Say what a key may do and for how long, and how to make one that may do less."""
    may = f"Scopes: {', '.join(entry.scopes)}"
    if granted(DEFAULT_SCOPES) <= granted(entry.scopes):
        may += " (all that users need; --scopes gives fewer)"
    if entry.expires_s is None:
        return f"{may}. It does not expire (--ttl sets an end)."
    return f"{may}. It expires at {instant(entry.expires_s)}."


def _print_table(entries: list[ApiKey]) -> None:
    from rich.table import Table

    table = Table(box=None)
    for name in ("id", "tenant", "user", "scopes", "groups", "expires", "revoked"):
        table.add_column(name, no_wrap=name == "id", overflow="fold")
    for entry in entries:
        table.add_row(
            entry.id,
            entry.tenant,
            entry.user,
            ",".join(entry.scopes),
            ",".join(entry.groups),
            instant(entry.expires_s) or "never",
            instant(entry.revoked_s) or "",
        )
    console().print(table)


def _with_secret(entry: ApiKey, secret: str) -> dict[str, object]:
    return {
        "id": entry.id,
        "key": secret,
        "tenant": entry.tenant,
        "user": entry.user,
        "scopes": list(entry.scopes),
        "groups": list(entry.groups),
        "expires_at": instant(entry.expires_s),
    }


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
