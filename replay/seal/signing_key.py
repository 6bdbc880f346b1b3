"""The key that signs checkpoints: a file of its own, made at the first seal, and rotated by name.

The name of the log is that of the key: `playhead-` and the id of the broker's cluster, so that
another cluster's archive with the same topics is told apart. A new key keeps the name.
"""

from __future__ import annotations

from pathlib import Path

from connectors.local_files import write_secret
from replay.seal.note import BadNote, Signer


def signer_of(path: Path, cluster: str) -> Signer:
    """Read the key, or make it; raises BadNote for a file that holds none, or another log's."""
    if not path.exists():
        write_secret(path, Signer.new(log_name(cluster)).secret().encode() + b"\n")
    try:
        signer = Signer.read(path.read_text(encoding="ascii", errors="replace").strip())
    except BadNote as error:
        raise BadNote(f"{path}: {error}") from None
    if signer.verifier.name != log_name(cluster):
        raise BadNote(
            f"{path} signs for {signer.verifier.name}, and this broker's log is "
            f"{log_name(cluster)}: name the key of this log (PLAYHEAD_SEAL_KEY)"
        )
    return signer


def rotate(path: Path, cluster: str) -> Signer:
    """Put a new key in the place of the old one, whose signatures stay verifiable."""
    signer_of(path, cluster)
    write_secret(path, Signer.new(log_name(cluster)).secret().encode() + b"\n", overwrite=True)
    return signer_of(path, cluster)


def log_name(cluster: str) -> str:
    """Name the log of a cluster."""
    return f"playhead-{cluster}"
