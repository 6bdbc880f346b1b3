"""`playhead audit …`: seal the log, check it against checkpoints, prove single records."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import msgspec

from replay.archive import ArchiveLog
from replay.log import BrokerLog, Log
from replay.one_request import records_of
from replay.seal.archived import SEAL
from replay.seal.audit_report import AuditReport, audit
from replay.seal.audit_terminal import show_audit, show_seals
from replay.seal.known_checkpoints import (
    Checkpoints,
    Witness,
    of_folder,
    of_log,
    of_witness,
)
from replay.seal.note import BadNote, VerifierKey
from replay.seal.proving import prove as proved
from replay.seal.put_checkpoints import put_checkpoints
from replay.seal.receipt import (
    RECEIPT_BYTES_MAX,
    BadReceipt,
    RecordReceipt,
    check_receipt,
    read_receipt,
)
from replay.seal.seal_folder import SealFolder
from replay.seal.sealer import SealedPartition, seal
from replay.seal.signing_key import rotate, signer_of
from schemas import AnswerReleased
from streams.log.codec import Codec
from streams.operations.options import Group, run_option
from streams.operations.printing import console, counted
from streams.settings import Settings

ARCHIVE = click.option(
    "--archive", type=click.Path(path_type=Path, exists=True), help="Read this archive."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
KEYS = click.option(
    "--key", "keys", multiple=True, help="A public key to believe, NAME+ID+BASE64, or its file."
)


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
    type=click.FloatRange(1, 86_400),
    help="Go on, and seal again after so many seconds.",
)
@run_option
@JSON
def seal_command(
    witness: Path | None, every: float | None, run: Path | None, as_json: bool
) -> None:
    """Let each partition's tree grow by what was written since, and sign it.

    A checkpoint goes to the seal's folder, onto the log and to the witness. The key is made at the
    first seal. Exits 1 where a partition is not as it was sealed before.

    \b
    Example:
      playhead audit seal --every 60 --witness /mnt/witness/checkpoints
    """
    settings = Settings.load(run=run)
    keeper = Witness(witness) if witness else None
    while True:
        done = _sealed_now(settings, keeper)
        if as_json:
            click.echo(json.dumps(_seals_as_json(done), indent=None if every else 1))
        else:
            show_seals(done, console())
        if any(one.refused for one in done):
            sys.exit(1)
        if every is None:
            return
        time.sleep(every)


def _sealed_now(settings: Settings, witness: Witness | None) -> list[SealedPartition]:
    """Seal once; a checkpoint is handed on only when it is on the disk."""
    folder = SealFolder(settings.seal_path)
    # the log's ends are read when nobody else seals: else it seems to end before what was sealed
    with folder.held(), closing(BrokerLog(settings)) as log:
        signer = signer_of(settings.seal_key_path, log.cluster)
        done = []
        for one in seal(log.extents(), log.read_extent, folder, signer):
            if witness is not None and one.note:
                witness.take(one.note)
            done.append(one)
        put_checkpoints(settings, Codec(log.ids), done)
    return done


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
    folder = _folder(archive, settings)
    with closing(_open(archive, settings)) as log:
        believed = _keys(keys, folder)
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
                    f"{witness} keeps no checkpoint of this log ({_names(believed)}): it is the "
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
    folder = _folder(archive, Settings.load(run=run))
    trees = folder.trees()
    if not trees:
        raise click.UsageError("nothing was sealed here: `playhead audit seal`")
    if as_json:
        notes = [
            {"topic": tree.topic, "partition": tree.partition, "checkpoint": tree.note}
            for tree in trees
        ]
        given = _keys(keys, folder)
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


@audit_group.command("prove")
@click.argument("topic")
@click.argument("partition", type=click.IntRange(0, 2**31 - 1))
@click.argument("offset", type=click.IntRange(0, 2**63 - 1))
@ARCHIVE
@KEYS
@run_option
def prove_command(
    topic: str,
    partition: int,
    offset: int,
    archive: Path | None,
    keys: tuple[str, ...],
    run: Path | None,
) -> None:
    """Print a receipt of one record: its bytes, a proof of inclusion, the signed checkpoint.

    \b
    Example:
      playhead audit prove playhead.answer.released 0 12 > receipt.json
    """
    settings = Settings.load(run=run)
    folder = _folder(archive, settings)
    with closing(_open(archive, settings)) as log:
        receipt = proved(log, folder, (topic, partition, offset), _keys(keys, folder))
    _print(receipt)


@audit_group.command("receipt")
@click.argument("request")
@ARCHIVE
@KEYS
@run_option
def receipt_command(
    request: str, archive: Path | None, keys: tuple[str, ...], run: Path | None
) -> None:
    """Print the receipt of the answer to REQUEST, as it was released.

    \b
    Example:
      playhead audit receipt 5b0f2e0e-6a55-5ab4-9d56-0c2f3f1a2b3c > receipt.json
      playhead audit verify-receipt receipt.json
    """
    settings = Settings.load(run=run)
    folder = _folder(archive, settings)
    with closing(_open(archive, settings)) as log:
        found = [
            (stored, event)
            for stored, event in records_of(log, Codec(log.ids), request)
            if isinstance(event, AnswerReleased)
        ]
        if not found:
            raise click.ClickException(f"request {request} has no answer that was released")
        stored, event = found[-1]
        place = stored.topic, stored.partition, stored.offset
        receipt = proved(log, folder, place, _keys(keys, folder), request=request, text=event.text)
    _print(receipt)


@audit_group.command("verify-receipt")
@click.argument("file", type=click.File("rb"))
@KEYS
@JSON
def verify_receipt_command(file: Any, keys: tuple[str, ...], as_json: bool) -> None:
    """Check a receipt, without a network: that its record is one of those that were signed.

    Without --key it is held against the key that it names itself: that shows that receipt and
    checkpoint belong together, not whose they are.

    \b
    Example:
      playhead audit verify-receipt receipt.json --key /media/usb/key
    """
    content = file.read(RECEIPT_BYTES_MAX + 1)
    if len(content) > RECEIPT_BYTES_MAX:
        raise click.ClickException(f"{file.name} has more than {RECEIPT_BYTES_MAX} bytes")
    try:
        receipt = read_receipt(content)
        checkpoint = check_receipt(receipt, _given(keys))
    except BadReceipt as error:
        raise click.ClickException(f"{file.name} proves nothing: {error}") from None
    if as_json:
        told = {
            "topic": receipt.topic,
            "partition": receipt.partition,
            "offset": receipt.offset,
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "request": receipt.request,
            "text": receipt.text,
            "key_given": bool(keys),
        }
        click.echo(json.dumps(told, indent=1))
        return
    click.echo(
        f"record {receipt.offset} of {checkpoint.origin} is one of "
        f"{counted(checkpoint.size, 'record')} that were signed"
    )
    if receipt.text:
        click.echo(f"it holds this text: {receipt.text}")
    if not keys:
        click.echo(f"signed by {receipt.key}: the receipt names this key, compare it (--key)")


# -------------------------------------------------------------------------------- what they share


def _open(archive: Path | None, settings: Settings) -> Log:
    return ArchiveLog(archive) if archive else BrokerLog(settings)


def _folder(archive: Path | None, settings: Settings) -> SealFolder:
    return SealFolder(archive / SEAL if archive else settings.seal_path)


def _given(keys: Sequence[str]) -> list[VerifierKey]:
    """Read the keys of the command line: each itself, or a file of keys."""
    return [key for spelt in keys for key in _keys_in(spelt)]


def _keys_in(spelt: str) -> Iterator[VerifierKey]:
    try:
        if "+" in spelt:
            yield VerifierKey.read(spelt)
            return
        lines = Path(spelt).read_text(encoding="utf-8", errors="replace").splitlines()
        for line in filter(str.strip, lines):
            yield VerifierKey.read(line)
    except (BadNote, OSError) as error:
        raise click.BadParameter(f"{spelt[:200]} is no public key: {error}") from None


def _keys(keys: Sequence[str], folder: SealFolder) -> list[VerifierKey]:
    """Return the keys that are believed: those given, else those that lie in the seal's folder."""
    try:
        return _given(keys) or folder.keys()
    except BadNote as error:
        raise click.ClickException(f"{folder.folder}: {error}") from None


def _names(keys: Sequence[VerifierKey]) -> str:
    return ", ".join(sorted({key.name for key in keys}))


def _print(receipt: RecordReceipt) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(receipt), indent=1).decode())
