"""`playhead policy`: what reads the log, and what withdraws documents, in one group."""

from __future__ import annotations

from edge.retention.retain_cli import retain
from replay.policies.policy_cli import policy

policy.add_command(retain)

__all__ = ["policy"]
