"""`playhead audit …`: seal the log, check it against checkpoints, prove single records."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from replay.log import BrokerLog
from replay.seal.audit_options import (
    ARCHIVE,
    JSON,
    KEYS,
    believed_keys,
    log_at,
    names_of,
    seal_at,
)
from replay.seal.audit_report import AuditReport, audit
from replay.seal.audit_terminal import show_audit, show_seals
from replay.seal.known_checkpoints import (
    Checkpoints,
    Witness,
    of_folder,
    of_log,
    of_witness,
)
from replay.seal.receipt_cli import prove_command, receipt_command, verify_receipt_command
from replay.seal.seal_folder import SealFolder
from replay.seal.seal_once import AWAY, seal_now
from replay.seal.sealer import SealedPartition
from replay.seal.signing_key import rotate, signer_of
from streams.operations.options import Group, NumberRange, run_option
from streams.operations.printing import console
from streams.settings import Settings


@click.group("audit", cls=Group)
def audit_group() -> None:
    """Prove that nothing of the log was edited, deleted or cut off.

    \b
    Example:
      playhead audit seal --witness /media/usb/checkpoints
      playhead replay export /tmp/archive
      playhead audit check --archive /tmp/archive --witness /media/usb/checkpoints
    """


@audit_group.command("seal")
@click.option(
    "--witness",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Add each newest checkpoint that this file lacks; keep it where no writer of the log can.",
)
@click.option(
    "--every",
    type=NumberRange(1, 86_400),
    help="Go on, and seal again after so many seconds.",
)
@run_option
@JSON
def seal_command(
    witness: Path | None, every: float | None, run: Path | None, as_json: bool
) -> None:
    """Let each partition's tree grow by what was written since, and sign it.

    A checkpoint goes to the seal's folder, onto the log and to the witness. The key is made at the
    first seal. Exits 1 where a partition is not as it was sealed before. With --every it goes on
    when the broker is away for a while.

    \b
    Example:
      playhead audit seal --every 60 --witness /mnt/witness/checkpoints
    """
    settings = Settings.load(run=run)
    keeper = Witness(witness) if witness else None
    while True:
        try:
            done = seal_now(settings, keeper)
        except AWAY as error:
            if every is None:
                raise
            click.echo(f"not sealed: {error}; again in {every:g} s", err=True)
        else:
            if as_json:
                click.echo(json.dumps(_seals_as_json(done), indent=None if every else 1))
            else:
                show_seals(done, console())
            if any(one.refused for one in done):
                sys.exit(1)
        if every is None:
            return
        time.sleep(every)


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


@audit_group.command("check")
@ARCHIVE
@click.option(
    "--witness",
    "witnesses",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Checkpoints that were kept elsewhere: without them a cut-off tail may be sealed anew.",
)
@KEYS
@run_option
@JSON
def check_command(
    archive: Path | None,
    witnesses: tuple[Path, ...],
    keys: tuple[str, ...],
    run: Path | None,
    as_json: bool,
) -> None:
    """Hold every record against the signed checkpoints, and name the first that is another.

    Exits 0 only if all is as it was signed; 1 for an edit, a deletion, an insertion, another order,
    a cut tail, an older log in the place of a newer one, or a forged checkpoint; 2 for wrong usage
    and where nothing was signed, or a witness keeps nothing of this log; 3 where partitions have
    records and no checkpoint.

    \b
    Example:
      playhead audit check --archive /tmp/archive --witness /mnt/witness/checkpoints
    """
    settings = Settings.load(run=run)
    folder = seal_at(archive, settings)
    with closing(log_at(archive, settings)) as log:
        believed = believed_keys(keys, folder)
        if not believed:
            raise click.UsageError(
                "no public key is known here, and a signature says nothing without one: name it "
                "(--key), as whoever owns the log publishes it (`playhead audit key`)"
            )
        known = Checkpoints(believed)
        known.take_all(of_folder(folder), "archive" if archive else "seal")
        known.take_all(of_log(log), "log")
        for witness in witnesses:
            kept = list(of_witness(witness, known.keys))
            if not kept:
                raise click.UsageError(
                    f"{witness} keeps no checkpoint of this log ({names_of(believed)}): it is the "
                    "witness of another one, or another log stands in the place of this one"
                )
            known.take_all(kept, f"witness {witness.name}")
        if not known.by_place and not known.forged:
            raise click.UsageError(
                "there is no checkpoint of this log: seal it first (`playhead audit seal`), or "
                "name a witness that keeps some"
            )
        report = audit(log, folder, known)
    _tell(report, trusted=bool(keys), as_json=as_json)


def _tell(report: AuditReport, *, trusted: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(report.as_json(), indent=1))
    else:
        show_audit(report, console(), trusted=trusted)
    sys.exit(report.status)


@audit_group.command("checkpoints")
@ARCHIVE
@KEYS
@run_option
@JSON
def checkpoints_command(
    archive: Path | None, keys: tuple[str, ...], run: Path | None, as_json: bool
) -> None:
    """Print the newest signed checkpoint of each partition.

    \b
    Example:
      playhead audit checkpoints > /mnt/witness/today
    """
    folder = seal_at(archive, Settings.load(run=run))
    trees = folder.trees()
    if not trees:
        raise click.UsageError("nothing was sealed here: `playhead audit seal`")
    if as_json:
        notes = [
            {"topic": tree.topic, "partition": tree.partition, "checkpoint": tree.note}
            for tree in trees
        ]
        given = believed_keys(keys, folder)
        click.echo(json.dumps({"checkpoints": notes, "keys": [str(k) for k in given]}, indent=1))
        return
    for tree in trees:
        click.echo(json.dumps(tree.note))


@audit_group.command("key")
@click.option("--rotate", "new", is_flag=True, help="Make a new key; old signatures stay good.")
@run_option
@JSON
def key_command(new: bool, run: Path | None, as_json: bool) -> None:
    """Print the public key of the checkpoints: publish it where nobody can change it.

    \b
    Example:
      playhead audit key
    """
    settings = Settings.load(run=run)
    with closing(BrokerLog(settings)) as log:
        make = rotate if new else signer_of
        folder = SealFolder(settings.seal_path)
        with folder.held():
            signer = make(settings.seal_key_path, log.cluster)
            folder.add_key(signer.verifier)
    spelt = str(signer.verifier)
    click.echo(json.dumps({"key": spelt}) if as_json else spelt)


for command in (prove_command, receipt_command, verify_receipt_command):
    audit_group.add_command(command)
