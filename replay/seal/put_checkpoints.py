"""Checkpoints on the log: so that whoever has an archive has them, too, in the order they came."""

from __future__ import annotations

from collections.abc import Iterable

from replay.seal.sealer import CHECKPOINTS, SealedPartition
from schemas import CheckpointSigned, Meta, StepVersion
from streams.log.clock import now_us
from streams.log.codec import Codec
from streams.log.ids import request_id
from streams.log.writing import Writer
from streams.settings import Settings
from streams.version import CODE


def put_checkpoints(settings: Settings, codec: Codec, done: Iterable[SealedPartition]) -> None:
    """Write the checkpoints of a pass; raises as `Writer.write_all` does.

    One that did not get there stands in the seal's folder, and the next one covers what it covered.
    """
    records = [_record(one) for one in done if one.added and one.checkpoint is not None]
    if not records:
        return
    with Writer(settings, "playhead-seal") as writer:
        writer.write_all(
            (
                CHECKPOINTS,
                0,
                f"{record.topic}/{record.partition}".encode(),
                codec.encode(record),
                (),
            )
            for record in records
        )


def _record(one: SealedPartition) -> CheckpointSigned:
    checkpoint = one.checkpoint
    assert checkpoint is not None
    request = request_id(
        "", f"sealed|{checkpoint.origin}|{checkpoint.size}|{checkpoint.root.hex()}"
    )
    return CheckpointSigned(
        meta=Meta(
            id=request,
            tenant="",
            lane=0,
            request=request,
            session="",
            at=now_us(),
            step=StepVersion(name="sealer", code=CODE, configuration=""),
        ),
        topic=one.topic,
        partition=one.partition,
        size=checkpoint.size,
        root=checkpoint.root,
        note=one.note,
    )
