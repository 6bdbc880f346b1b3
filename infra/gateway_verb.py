"""`playhead gateway`, with what proves and recalls of the answers that it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.cli.serve import gateway_command

if TYPE_CHECKING:
    from edge.gateway.log_evidence import LogEvidence
    from streams.settings import Settings


def _evidence(settings: Settings) -> LogEvidence:
    from edge.gateway.log_evidence import LogEvidence
    from replay.recalled_prompts import RecalledPrompts
    from replay.seal.answer_receipts import AnswerReceipts

    return LogEvidence(AnswerReceipts(settings), RecalledPrompts(settings))


gateway = gateway_command(_evidence)
