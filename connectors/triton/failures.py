"""Say of Triton's errors whether trying again may help: Transient or Permanent."""

from __future__ import annotations

from typing import Any

from tritonclient.utils import InferenceServerException

from agents.errors import Permanent, Transient
from streams.log.credential_files import tls_fault
from streams.running.breaker import Overdue

# the request itself is at fault, or names a model that is not there: trying again can't help
PERMANENT = {"INVALID_ARGUMENT", "NOT_FOUND", "UNIMPLEMENTED", "OUT_OF_RANGE"}
UNKNOWN_MODEL = "unknown model"  # in a stream an error is a text without a status


def failure_of(error: Any, model: str, address: str) -> Transient | Permanent:
    """Say whether trying again may help. The message holds no text that was sent."""
    if isinstance(error, InferenceServerException):
        status, words = error.status() or "", error.message() or ""
    else:
        status, words = str(error.code()), error.details() or ""
    status = status.removeprefix("StatusCode.")
    if status in PERMANENT or (not status and UNKNOWN_MODEL in words):
        return Permanent(f"Triton refused a request to {model} ({status}): {words}")
    words = tls_fault(words, "triton", f"Triton at {address}") or words
    kind = Overdue if status == "DEADLINE_EXCEEDED" else Transient  # maybe for what was sent
    return kind(f"Triton at {address} failed on {model} ({status or 'no status'}): {words}")
