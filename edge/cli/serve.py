"""`playhead gateway`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from streams.log.broker_access import BrokerRefuses, check_access
from streams.log.credential_files import check_files
from streams.operations.options import run_option
from streams.running.allocator import give_back_early
from streams.settings import BadSetting, Settings

if TYPE_CHECKING:
    from edge.gateway.log_evidence import LogEvidence


def gateway_command(evidence: Callable[[Settings], LogEvidence]) -> click.Command:
    """Make the verb; `evidence` makes what proves answers, which is no trade of the edge."""

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
        give_back_early()  # before anything has threads: asking the broker has
        from edge.protocols.serving import CantServe, serve

        try:
            settings = Settings.load(run=run)
        except BadSetting as error:
            raise click.UsageError(str(error)) from None
        address = urlsplit(settings.gateway)
        at = host or address.hostname or "127.0.0.1", port or address.port or 8000
        try:
            check_files(settings, without=("weaviate",))
            check_access(settings)
            serve(settings, *at, with_inbox=inbox, evidence=evidence(settings))
        except (BadSetting, BrokerRefuses, CantServe) as error:
            raise click.ClickException(str(error)) from None

    return gateway
