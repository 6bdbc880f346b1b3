"""Digests that stand for what records say, where only sameness matters: none is written."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

FORM_BYTES = 8  # nobody can try many forgeries against one log
_encode = msgspec.msgpack.Encoder().encode


def form_of(told: Any) -> bytes:
    """Digest what is told: a record, or a tuple of some of its fields."""
    return hashlib.blake2b(_encode(told), digest_size=FORM_BYTES).digest()
