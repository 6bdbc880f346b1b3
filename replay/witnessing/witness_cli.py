"""`playhead audit witness`: watch over the logs of others, and cosign what goes on from itself."""

from __future__ import annotations

import json
import socket
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import click

from replay.seal.audit_options import given_keys
from replay.seal.note import BadNote
from replay.witnessing.cosignature import COSIGNATURE_ED25519, COSIGNATURE_MLDSA44
from replay.witnessing.witness_server import serve_witness
from replay.witnessing.witness_state import WitnessState, cosigner_of

BACKLOG = 128
KINDS = {"ed25519": COSIGNATURE_ED25519, "ml-dsa-44": COSIGNATURE_MLDSA44}


@click.command("witness")
@click.option(
    "--listen", required=True, metavar="HOST:PORT", help="Where to serve; port 0 takes a free one."
)
@click.option(
    "--state",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of its key and of what it saw last: lost, it begins anew, so keep it.",
)
@click.option(
    "--log",
    "logs",
    required=True,
    multiple=True,
    help="A public key whose logs are cosigned, NAME+ID+BASE64 (`playhead audit key`), or a file.",
)
@click.option("--name", help="How it signs, such as witness.example.org/w1; for a new key.")
@click.option(
    "--algorithm",
    type=click.Choice(list(KINDS)),
    default="ed25519",
    show_default=True,
    help="Of a new key; ml-dsa-44 holds against quantum computers, and few tools read it yet.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def witness_command(
    listen: str,
    state: Path,
    logs: Sequence[str],
    name: str | None,
    algorithm: str,
    *,
    as_json: bool,
) -> None:
    """Serve as a witness (C2SP tlog-witness) until SIGTERM: cosign what only grows.

    It needs neither stack nor log, and is worth something where whoever runs the log can't reach
    it. It prints its address and its key, as `playhead audit seal --witness` takes them.

    \b
    Example:
      playhead audit witness --listen 127.0.0.1:7790 --state /srv/witness \\
        --name witness.example.org/w1 --log log.key
    """
    host, port = _address(listen)
    believed = given_keys(logs)
    try:
        cosigner = cosigner_of(state, name, KINDS[algorithm])
        kept = WitnessState(state, cosigner, believed, now_s=lambda: int(time.time()))
    except BadNote as error:
        raise click.UsageError(str(error)) from None
    except (OSError, sqlite3.Error) as error:
        raise click.ClickException(f"{state} can't be used: {error}") from None
    with closing(kept), _bound(host, port) as at:
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{at.getsockname()[1]}"
        key = str(cosigner.verifier)
        told = json.dumps({"url": url, "key": key}) if as_json else f"{url}/#{key}"
        click.echo(told)
        serve_witness(kept, at)


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isascii() or not port.isdecimal() or int(port[:6]) > 65_535:
        raise click.BadParameter(f"{listen[:100]!r} is not HOST:PORT", param_hint="--listen")
    return host.strip("[]"), int(port)


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    at = socket.socket(family, socket.SOCK_STREAM)
    try:
        at.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        at.bind((host, port))
        at.listen(BACKLOG)  # before its address is told
    except OSError as error:
        at.close()
        raise click.ClickException(f"can't serve on {host}:{port}: {error.strerror}") from None
    return at
