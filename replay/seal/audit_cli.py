"""`playhead audit …`: seal the log, check it against checkpoints, prove single records."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import click

from replay.archive_places import ArchivePlace, and_log_option, check_and_log
from replay.log import BrokerLog
from replay.opening_logs import open_log
from replay.seal.audit_options import (
    ARCHIVE,
    JSON,
    KEYS,
    believed_keys,
    names_of,
    seal_at,
)
from replay.seal.audit_report import AuditReport, Vouched, audit
from replay.seal.audit_terminal import show_audit
from replay.seal.known_checkpoints import Checkpoints, of_folder, of_log, of_witness
from replay.seal.note import BadNote
from replay.seal.receipt_cli import prove_command, receipt_command, verify_receipt_command
from replay.seal.seal_cli import seal_command
from replay.seal.seal_folder import SealFolder
from replay.seal.sealer import SEALED_TOPICS
from replay.seal.signing_key import rotate, signer_of
from replay.verdict_group import VerdictGroup
from replay.witnessing.cosigned_report import WitnessedTrees, ask_witnesses
from replay.witnessing.stamping import check_stamps
from replay.witnessing.witness_cli import witness_command
from replay.witnessing.witness_options import (
    TIMESTAMP_ROOTS,
    GivenWitnesses,
    given_roots,
    witnesses_option,
)
from streams.operations.options import run_option
from streams.operations.printing import console
from streams.settings import Settings


@click.group("audit", cls=VerdictGroup)
def audit_group() -> None:
    """Prove that nothing of the log was edited, deleted or cut off.

    Whatever could not be read or asked, since a broker, a registry, a bucket, a disk or a witness
    is away, ends a verb with 3: neither as proved nor as broken.

    \b
    Example:
      playhead audit seal --witness /media/usb/checkpoints
      playhead replay export /tmp/archive
      playhead audit check --archive /tmp/archive --witness /media/usb/checkpoints
    """


@audit_group.command("check")
@ARCHIVE
@and_log_option
@witnesses_option
@click.option("--offline", is_flag=True, help="Ask no witness; those that are named are believed.")
@TIMESTAMP_ROOTS
@KEYS
@run_option
@JSON
def check_command(
    archive: ArchivePlace | None,
    witnesses: GivenWitnesses,
    timestamp_roots: Path | None,
    keys: tuple[str, ...],
    run: Path | None,
    *,
    and_log: bool,
    offline: bool,
    as_json: bool,
) -> None:
    """Hold every record against the signed checkpoints, and name the first that is another.

    A witness is a file of checkpoints that were kept elsewhere, or URL#VKEY: it is asked what it
    saw last. Without one a cut-off tail may have been sealed anew.

    Exits 0 only if all is as it was signed; 1 for an edit, a deletion, an insertion, another order,
    a cut tail, an older log in the place of a newer one, or a forged checkpoint, cosignature or
    time stamp; 2 for wrong usage and where nothing was signed, or a witness keeps nothing of this
    log; 3 if none of this is so and something could not be checked: the log, a bucket or a witness
    is away, partitions have records and no checkpoint, too few witnesses have cosigned the newest
    one, or no time stamp covers any.

    \b
    Example:
      playhead audit check --archive /tmp/archive --witness /mnt/witness/checkpoints
      playhead audit check --witness 'https://w.example.org/#w.example.org+1f2e…+BA…'
      playhead audit check --archive /backup/log --and-log
    """
    check_and_log(archive, and_log=and_log)
    settings = Settings.load(run=run)
    seals = _seals(archive, settings, and_log=and_log)
    newest, _ = seals[-1]
    files, policy = witnesses.read(settings)
    roots = given_roots(timestamp_roots)
    with closing(open_log(archive, settings, and_log=and_log)) as log:
        believed = believed_keys(keys, newest)
        if not believed:
            raise click.UsageError(
                "no public key is known here, and a signature says nothing without one: name it "
                "(--key), as whoever owns the log publishes it (`playhead audit key`)"
            )
        known = Checkpoints(believed)
        vouched = Vouched(WitnessedTrees(policy), stamps_wanted=roots is not None)
        for folder, by in seals:
            known.take_all(of_folder(folder), by)
            vouched.witnessed.take_folder(folder, known, by)
        known.take_all(of_log(log), "log")
        _take_files(known, files)
        if not offline:
            places = {place for place in log.extents() if place[0] in SEALED_TOPICS}
            ask_witnesses(vouched.witnessed, known, places | set(known.by_place))
        if not known.by_place and not known.forged:
            raise click.UsageError(
                "there is no checkpoint of this log: seal it first (`playhead audit seal`), or "
                "name a witness that keeps some"
            )
        vouched.stamped = check_stamps(newest, roots, known)
        report = audit(log, newest, known, vouched)
    _tell(report, trusted=bool(keys), as_json=as_json)


def _seals(
    archive: ArchivePlace | None, settings: Settings, *, and_log: bool
) -> list[tuple[SealFolder, str]]:
    """Return the seals to be read, each with what it is called: the one that goes furthest last."""
    seals = [(seal_at(archive, settings), "archive" if archive else "seal")]
    beside_log = SealFolder(settings.seal_path)
    if and_log and beside_log.trees():
        seals.append((beside_log, "seal"))
    return seals


def _take_files(known: Checkpoints, files: Sequence[Path]) -> None:
    """Take in what files of checkpoints hold; raises UsageError for one that holds none of this."""
    for path in files:
        if not path.is_file():
            raise click.UsageError(f"{path} is no file: a witness is one, or URL#VKEY")
        try:
            kept = list(of_witness(path, known.keys))
        except BadNote as error:  # which says nothing of the log
            raise click.UsageError(f"{path} is no witness: {error}") from None
        if not kept:
            raise click.UsageError(
                f"{path} keeps no checkpoint of this log ({names_of(known.keys)}): it is the "
                "witness of another one, or another log stands in the place of this one"
            )
        known.take_all(kept, f"witness {path.name}")


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
    archive: ArchivePlace | None, keys: tuple[str, ...], run: Path | None, as_json: bool
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


for command in (
    seal_command,
    witness_command,
    prove_command,
    receipt_command,
    verify_receipt_command,
):
    audit_group.add_command(command)
