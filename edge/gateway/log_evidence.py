"""What the gateway needs of those who replay and seal the log: proofs and prompts.

Whoever wires the gateway hands it in: neither is a trade of the edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from edge.answering.receipt_claims import AnswerPlace
from edge.gateway.receipt_desk import MakesReceipts


class RecallsPrompts(Protocol):
    """What computes prompts again."""

    def __call__(self, places: Sequence[AnswerPlace]) -> list[dict[str, Any]]:
        """Return what models were asked in the runs that left records at some places; blocks.

        Raises Transient or Permanent.
        """


@dataclass(frozen=True)
class LogEvidence:
    """What is shown beside the records themselves."""

    receipts: MakesReceipts
    prompts: RecallsPrompts
