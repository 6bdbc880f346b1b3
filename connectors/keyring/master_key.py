"""The master key: 32 bytes from the environment or a file, by which all other keys are wrapped."""

from __future__ import annotations

import base64
import os
import secrets
import stat
from pathlib import Path

from connectors.local_files import write_secret
from streams.settings import BadSetting

MASTER_KEY_VARIABLE = "PLAYHEAD_MASTER_KEY"
MASTER_KEY_BYTES = 32


def read_master_key(path: Path, *, may_create: bool) -> bytes:
    """Read the master key; where there is none yet it is made, if that is allowed.

    Raises BadSetting for one that is missing, that others can read, or that is of another form.
    """
    if text := os.environ.get(MASTER_KEY_VARIABLE):
        return _decoded(text, MASTER_KEY_VARIABLE)
    if not path.exists():
        if not may_create:
            raise BadSetting(
                f"the master key is missing: put the one that the key store was made with into "
                f"{path} (mode 0600) or {MASTER_KEY_VARIABLE}"
            )
        # another process's stands if it came first
        write_secret(path, base64.b64encode(secrets.token_bytes(MASTER_KEY_BYTES)) + b"\n")
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise BadSetting(f"{path} can be read by others: chmod 600 {path}")
    return _decoded(path.read_text(encoding="ascii", errors="replace").strip(), str(path))


def _decoded(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != MASTER_KEY_BYTES:
        raise BadSetting(
            f"{where} holds no master key: it must be the base64 of 32 random bytes, such as from "
            "`openssl rand -base64 32`"
        )
    return key
