"""`playhead gateway` and `playhead keys`."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import click

from connectors.local_files import write_secret
from edge.keys import DEFAULT_SCOPES, SCOPES, ApiKeys, BadKey, instant, seconds
from edge.producer import TENANT
from streams.settings import Settings

DRAIN_S = 8
"""How long open streams may take to end at SIGTERM."""


def keys_path(settings: Settings) -> Path:
    """Return the file of the API keys."""
    return settings.run / "keys.sqlite"


@click.command()
@click.option("--host", help="Address to bind; default: that of PLAYHEAD_GATEWAY.")
@click.option("--port", type=int, help="Port to bind; default: that of PLAYHEAD_GATEWAY.")
@click.option("--inbox/--no-inbox", default=True, help="Take in the inbox topics too.")
def gateway(host: str | None, port: int | None, inbox: bool) -> None:
    """Serve HTTP, server-sent events and WebSockets until SIGTERM.

    \b
    Example:
      playhead gateway --port 8000
    """
    settings = Settings.load()
    address = urlsplit(settings.gateway)
    serve(settings, host or address.hostname or "127.0.0.1", port or address.port or 8000, inbox)


def serve(settings: Settings, host: str, port: int, with_inbox: bool) -> None:
    """Run the gateway on the real components until it is told to stop."""
    import uvicorn

    from connectors.keyring import Keyring
    from edge.edge import Edge
    from edge.http import create_app
    from edge.idempotency import Idempotency
    from edge.inbox import Inbox
    from edge.log_reader import LogReader
    from edge.producer import Publisher
    from schemas.registry import Registry
    from streams.log.codec import Codec
    from streams.log.subjects import subjects
    from streams.operations.lag import Positions
    from streams.watching import logs, metrics, tracing

    logs.configure(settings.log_level)
    uvicorn_log = logging.getLogger("uvicorn.error")
    uvicorn_log.setLevel(logging.WARNING)  # below, it logs the address of every connection
    # a WebSocket that is refused with a problem is no fault, though the server takes it for one
    uvicorn_log.addFilter(lambda record: "completing handshake" not in str(record.msg))
    metrics.configure(settings, "playhead-gateway")
    tracing.configure(settings, "playhead-gateway")
    registry = Registry(settings.registry)
    registry.expect(subjects())
    codec = Codec(registry)
    keyring = Keyring(settings)
    publisher = Publisher(settings, codec, client="gateway")
    edge = Edge(
        settings=settings,
        keyring=keyring,
        keys=ApiKeys(keys_path(settings)),
        idempotency=Idempotency(settings.run / "idempotency.sqlite"),
        publisher=publisher,
        log=LogReader(settings, codec),
        positions=lambda: Positions(settings),
    )
    inbox = Inbox(settings, codec, keyring, publisher.send) if with_inbox else None

    class Server(uvicorn.Server):
        """Tells streams to end as soon as a signal comes, not once connections are cut."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            edge.stopping = True
            super().handle_exit(sig, frame)

    server = Server(
        uvicorn.Config(
            create_app(edge),
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            ws_max_size=1_048_576,
            timeout_graceful_shutdown=DRAIN_S,
        )
    )
    # the server raises the signal again once it is done: then there is more to do than to die
    signal.signal(signal.SIGTERM, lambda *_: None)
    if inbox is not None:
        inbox.start()
    try:
        asyncio.run(server.serve())
    except KeyboardInterrupt:
        pass
    finally:
        if inbox is not None:
            inbox.stop()
        tracing.flush()
        metrics.flush()
    if not server.started:
        raise click.ClickException(
            f"can't serve on {host}:{port}: free the port or choose another with --port"
        )


@click.group()
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
@click.option("--user", default="", help="Data subject whose messages these are; default: the key.")
@click.option(
    "--scopes",
    default=",".join(DEFAULT_SCOPES),
    show_default=True,
    help="; ".join(f"{name}: {what}" for name, what in SCOPES.items()),
)
@click.option("--groups", default="", help="Groups whose documents the user may read, by commas.")
@click.option("--ttl", help="Time to live: 90m, 12h, 30d; default: until revoked.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def create(
    tenant: str, user: str, scopes: str, groups: str, ttl: str | None, as_json: bool
) -> None:
    """Make a key; it is printed once and stored hashed.

    \b
    Example:
      playhead keys create --tenant acme --user jane --scopes read --ttl 12h
    """
    if not TENANT.fullmatch(tenant):
        raise click.ClickException(
            f"tenant {tenant!r}: use 1 to 63 letters, digits, _ or -, beginning with a letter or "
            "digit"
        )
    try:
        store = ApiKeys(keys_path(Settings.load()))
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
        _print_json(
            {
                "id": entry.id,
                "key": secret,
                "tenant": entry.tenant,
                "user": entry.user,
                "scopes": list(entry.scopes),
                "groups": list(entry.groups),
                "expires_at": instant(entry.expires_s),
            }
        )
        return
    click.echo(secret)
    expires = f", until {instant(entry.expires_s)}" if entry.expires_s else ""
    click.echo(
        f"{entry.id} for tenant {entry.tenant}, user {entry.user}, "
        f"{', '.join(entry.scopes)}{expires}. Keep it: it is not shown again.",
        err=True,
    )


@keys.command()
@click.argument("key_id")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def revoke(key_id: str, as_json: bool) -> None:
    """End a key at once and for good.

    \b
    Example:
      playhead keys revoke key-1f0c4a7b2d9e
    """
    try:
        entry = ApiKeys(keys_path(Settings.load())).revoke(key_id)
    except BadKey as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        _print_json(entry.as_json())
    else:
        click.echo(f"{entry.id} is revoked since {instant(entry.revoked_s)}", err=True)


@keys.command("list")
@click.option("--tenant", default="", help="Only this tenant's.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_keys(tenant: str, as_json: bool) -> None:
    """List keys, without the keys themselves.

    \b
    Example:
      playhead keys list --tenant acme
    """
    found = ApiKeys(keys_path(Settings.load())).all(tenant)
    if as_json:
        _print_json([entry.as_json() for entry in found])
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    for name in ("id", "tenant", "user", "scopes", "groups", "expires", "revoked"):
        table.add_column(name, no_wrap=name == "id", overflow="fold")
    for entry in found:
        table.add_row(
            entry.id,
            entry.tenant,
            entry.user,
            ",".join(entry.scopes),
            ",".join(entry.groups),
            instant(entry.expires_s) or "never",
            instant(entry.revoked_s) or "",
        )
    Console().print(table)


def local_key(settings: Settings, tenant: str) -> str:
    """Return a key for a tenant of the local stack, made at its first use and kept with mode 0600.

    Raises click.ClickException where there is no local stack.
    """
    if not (settings.run / "stack.json").exists():
        raise click.ClickException(
            "no key: set PLAYHEAD_KEY to one of `playhead keys create`, or start the local stack "
            "with `playhead up --detach`"
        )
    path = settings.run / "local-keys.json"
    known: dict[str, str] = {}
    if path.exists():
        known = json.loads(path.read_text(encoding="utf-8"))
    store = ApiKeys(keys_path(settings))
    if tenant in known and store.find(known[tenant]) is not None:
        return known[tenant]
    if not TENANT.fullmatch(tenant):
        raise click.ClickException(f"tenant {tenant!r}: use 1 to 63 letters, digits, _ or -")
    user = os.environ.get("USER") or "local"
    _, known[tenant] = store.create(tenant, user=f"local-{user}")
    write_secret(path, json.dumps(known).encode(), overwrite=True)
    return known[tenant]


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _print_json(content: Any) -> None:
    json.dump(content, sys.stdout, ensure_ascii=False)
    sys.stdout.write("\n")
