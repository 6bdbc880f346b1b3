"""Sealing the log on the broker, once: trees, the log's own copy of the checkpoints, files."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from replay.log import BrokerLog
from replay.seal.known_checkpoints import Witness
from replay.seal.put_checkpoints import put_checkpoints
from replay.seal.seal_folder import SealFolder
from replay.seal.sealer import SealedPartition, seal
from replay.seal.signing_key import signer_of
from streams.log.codec import Codec
from streams.settings import Settings


def seal_now(settings: Settings, witnesses: Sequence[Witness] = ()) -> list[SealedPartition]:
    """Seal what was written since; a checkpoint is handed on only when it is on the disk.

    Raises one of `replay.what_is_away.AWAY` where broker or registry do not answer.
    """
    folder = SealFolder(settings.seal_path)
    # the log's ends are read when nobody else seals: else it seems to end before what was sealed
    with folder.held(), closing(BrokerLog(settings)) as log:
        signer = signer_of(settings.seal_key_path, log.cluster)
        done = []
        for one in seal(log.extents(), log.read_extent, folder, signer):
            for witness in witnesses if one.note else ():
                witness.take(one.note)
            done.append(one)
        put_checkpoints(settings, Codec(log.ids), done)
    return done
