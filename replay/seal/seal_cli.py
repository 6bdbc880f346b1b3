"""`playhead audit seal`: seal what was written, and have others say that they saw it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from replay.report import DIFFERS, EQUAL, NOT_VERIFIED
from replay.seal.audit_options import JSON
from replay.seal.audit_terminal import show_gathered, show_seals, show_stamp
from replay.seal.known_checkpoints import Witness
from replay.seal.note import BadNote
from replay.seal.seal_folder import SealFolder
from replay.seal.seal_once import seal_now
from replay.seal.sealer import SealedPartition
from replay.what_is_away import AWAY
from replay.witnessing.gathering import GatheredCosignatures, gather
from replay.witnessing.stamping import StampPass, stamp
from replay.witnessing.witness_options import (
    TIMESTAMP_ROOTS,
    GivenWitnesses,
    given_authority,
    witnesses_option,
)
from streams.operations.options import NumberRange, run_option
from streams.operations.printing import console
from streams.settings import Settings


@click.command("seal")
@witnesses_option
@click.option(
    "--timestamp",
    metavar="URL",
    help="Have the newest checkpoints stamped by this authority (RFC 3161), which is told a "
    "digest alone; needs --timestamp-roots.",
)
@TIMESTAMP_ROOTS
@click.option(
    "--timestamp-every",
    type=NumberRange(0, 31_536_000),
    default=0,
    help="No sooner than so many seconds after the last time stamp.  [default: 0]",
)
@click.option(
    "--every",
    type=NumberRange(1, 86_400),
    help="Go on, and seal again after so many seconds.",
)
@run_option
@JSON
def seal_command(
    witnesses: GivenWitnesses,
    timestamp: str | None,
    timestamp_roots: Path | None,
    timestamp_every: float,
    every: float | None,
    run: Path | None,
    *,
    as_json: bool,
) -> None:
    """Let each partition's tree grow by what was written since, and sign it.

    A checkpoint goes to the seal's folder, onto the log and to the witnesses. The key is made at
    the first seal. What a witness or an authority does never holds a seal up: it is told, and they
    are asked again at the next one.

    Exits 1 where a partition is not as it was sealed before; without --every also 1 where too few
    witnesses have cosigned and one of them saw another log, and 3 where too few have, or the broker
    or a disk is away: with --every it goes on then.

    \b
    Example:
      playhead audit seal --every 60 --witness /mnt/witness/checkpoints
      playhead audit seal --witness 'https://w.example.org/#w.example.org+1f2e…+BA…'
      playhead audit seal --timestamp https://tsa.example.org/ --timestamp-roots roots.pem
    """
    settings = Settings.load(run=run)
    files, policy = witnesses.read(settings)
    authority = given_authority(timestamp, timestamp_roots)
    keepers = [Witness(path) for path in files]
    folder = SealFolder(settings.seal_path)
    while True:
        try:
            done = seal_now(settings, keepers)
        except AWAY as error:
            if every is None:
                raise
            click.echo(f"not sealed: {error}; again in {every:g} s", err=True)
        else:
            gathered = GatheredCosignatures()
            stamped: StampPass | None = None
            try:
                gathered = gather(folder, done, policy)
                stamped = stamp(folder, authority, timestamp_every) if authority else None
            except (BadNote, OSError) as error:  # a full disk, say: the log is sealed by now
                if every is None:
                    raise
                click.echo(f"what others said was not kept: {error}", err=True)
            _tell(done, gathered, stamped, as_json=as_json, indent=None if every else 1)
            if status := seal_status(done, gathered, once=every is None):
                sys.exit(status)
        if every is None:
            return
        time.sleep(every)


def seal_status(
    done: Sequence[SealedPartition], gathered: GatheredCosignatures, *, once: bool
) -> int:
    """Return what to exit with; 0 where it may go on."""
    if any(one.refused and not one.unread for one in done):
        return DIFFERS
    if once and gathered.short and any(one.contradicts for one in gathered.passes):
        return DIFFERS
    lacking = gathered.short or any(one.unread for one in done)
    return NOT_VERIFIED if once and lacking else EQUAL


def _tell(
    done: Sequence[SealedPartition],
    gathered: GatheredCosignatures,
    stamped: StampPass | None,
    *,
    as_json: bool,
    indent: int | None,
) -> None:
    if as_json:
        told = {
            **_seals_as_json(done),
            **gathered.as_json(),
            "timestamp": stamped.as_json() if stamped else None,
        }
        click.echo(json.dumps(told, indent=indent))
        return
    out = console()
    show_seals(done, out)
    show_gathered(gathered, out)
    if stamped:
        show_stamp(stamped, out)


def _seals_as_json(done: Sequence[SealedPartition]) -> dict[str, Any]:
    return {
        "sealed": sum(one.added for one in done),
        "partitions": [
            {
                "topic": one.topic,
                "partition": one.partition,
                "size": one.checkpoint.size if one.checkpoint else None,
                "added": one.added,
                "refused": one.refused,
            }
            for one in done
        ],
    }
