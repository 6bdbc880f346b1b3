"""`playhead audit prove / receipt / verify-receipt`: single records, proved to who has no log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import msgspec

from replay.archive_places import ArchivePlace
from replay.one_request import records_of
from replay.opening_logs import open_log
from replay.seal.audit_options import (
    ARCHIVE,
    JSON,
    KEYS,
    believed_keys,
    given_keys,
    seal_at,
)
from replay.seal.note import BadNote
from replay.seal.proving import prove
from replay.seal.receipt import (
    RECEIPT_BYTES_MAX,
    BadReceipt,
    RecordReceipt,
    check_receipt,
    read_receipt,
)
from replay.witnessing.cosignature import Cosignature, cosignatures, witness_key
from replay.witnessing.cosigned_report import moment
from schemas import AnswerReleased
from streams.log.codec import Codec
from streams.operations.options import run_option
from streams.operations.printing import counted
from streams.settings import Settings

ANYHOW = click.option(
    "--json", is_flag=True, expose_value=False, help="Changes nothing: a receipt is JSON."
)


@click.command("prove")
@click.argument("topic")
@click.argument("partition", type=click.IntRange(0, 2**31 - 1))
@click.argument("offset", type=click.IntRange(0, 2**63 - 1))
@ARCHIVE
@KEYS
@ANYHOW
@run_option
def prove_command(
    topic: str,
    partition: int,
    offset: int,
    archive: ArchivePlace | None,
    keys: tuple[str, ...],
    run: Path | None,
) -> None:
    """Print a receipt of one record: its bytes, a proof of inclusion, the signed checkpoint.

    \b
    Example:
      playhead audit prove playhead.answer.released 0 12 > receipt.json
    """
    settings = Settings.load(run=run)
    folder = seal_at(archive, settings)
    with closing(open_log(archive, settings)) as log:
        receipt = prove(log, folder, (topic, partition, offset), believed_keys(keys, folder))
    _print(receipt)


@click.command("receipt")
@click.argument("request")
@ARCHIVE
@KEYS
@ANYHOW
@run_option
def receipt_command(
    request: str, archive: ArchivePlace | None, keys: tuple[str, ...], run: Path | None
) -> None:
    """Print the receipt of the answer to REQUEST, as it was released.

    \b
    Example:
      playhead audit receipt 5b0f2e0e-6a55-5ab4-9d56-0c2f3f1a2b3c > receipt.json
      playhead audit verify-receipt receipt.json
    """
    settings = Settings.load(run=run)
    folder = seal_at(archive, settings)
    with closing(open_log(archive, settings)) as log:
        found = [
            (stored, event)
            for stored, event in records_of(log, Codec(log.ids), request)
            if isinstance(event, AnswerReleased)
        ]
        if not found:
            raise click.ClickException(f"request {request} has no answer that was released")
        stored, event = found[-1]
        place = stored.topic, stored.partition, stored.offset
        receipt = prove(
            log, folder, place, believed_keys(keys, folder), request=request, text=event.text
        )
    _print(receipt)


@click.command("verify-receipt")
@click.argument("file", type=click.File("rb"))
@KEYS
@click.option(
    "--witness-key",
    "witness_keys",
    multiple=True,
    help="The key of a witness, as it publishes it, that must have cosigned the checkpoint.",
)
@JSON
def verify_receipt_command(
    file: Any, keys: tuple[str, ...], witness_keys: tuple[str, ...], as_json: bool
) -> None:
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
        checkpoint = check_receipt(receipt, given_keys(keys))
        witnessed = _witnessed(receipt, witness_keys)
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
            "cosigned": [{"witness": one.by.name, "at": moment(one.at_s)} for one in witnessed],
        }
        click.echo(json.dumps(told, indent=1))
        return
    click.echo(
        f"record {receipt.offset} of {checkpoint.origin} is one of "
        f"{counted(checkpoint.size, 'record')} that were signed"
    )
    for one in witnessed:
        click.echo(f"cosigned by {one.by.name} at {moment(one.at_s)}")
    if receipt.text:
        click.echo(f"it holds this text: {receipt.text}")
    if not keys:
        click.echo(f"signed by {receipt.key}: the receipt names this key, compare it (--key)")


def _witnessed(receipt: RecordReceipt, spelt: Sequence[str]) -> list[Cosignature]:
    """Return the cosignatures of these witnesses; raises BadReceipt where one has not signed."""
    try:
        keys = [witness_key(one) for one in spelt]
    except BadNote as error:
        raise click.BadParameter(str(error), param_hint="--witness-key") from None
    try:
        found = cosignatures(receipt.checkpoint, keys)
    except BadNote as error:
        raise BadReceipt(str(error)) from None
    lacking = {key.name for key in keys} - {one.by.name for one in found}
    if lacking:
        raise BadReceipt(f"{', '.join(sorted(lacking))} has not cosigned its checkpoint")
    return found


def _print(receipt: RecordReceipt) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(receipt), indent=1).decode())
