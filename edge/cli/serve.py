"""`playhead gateway`."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import click

from streams.log.broker_access import BrokerRefuses, check_access
from streams.log.credential_files import check_files
from streams.operations.options import run_option
from streams.settings import BadSetting, Settings


@click.command()
@click.option("--host", help="Address to bind; default: that of PLAYHEAD_GATEWAY.")
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    help="Port to bind; default: that of PLAYHEAD_GATEWAY.",
)
@click.option("--inbox/--no-inbox", default=True, help="Whether the inbox topics are read too.")
@run_option
def gateway(host: str | None, port: int | None, inbox: bool, run: Path | None) -> None:
    """Serve HTTP, server-sent events and WebSockets until SIGTERM.

    \b
    Example:
      playhead gateway --port 8000
    """
    from edge.protocols.serving import CantServe, serve

    try:
        settings = Settings.load(run=run)
    except BadSetting as error:
        raise click.UsageError(str(error)) from None
    address = urlsplit(settings.gateway)
    host, port = host or address.hostname or "127.0.0.1", port or address.port or 8000
    try:
        check_files(settings)
        check_access(settings)
        serve(settings, host, port, with_inbox=inbox)
    except (BadSetting, BrokerRefuses, CantServe) as error:
        raise click.ClickException(str(error)) from None
