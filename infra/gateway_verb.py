"""`playhead gateway`, with what proves the answers that it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.cli.serve import gateway_command

if TYPE_CHECKING:
    from replay.seal.answer_receipts import AnswerReceipts
    from streams.settings import Settings


def _receipts(settings: Settings) -> AnswerReceipts:
    from replay.seal.answer_receipts import AnswerReceipts

    return AnswerReceipts(settings)


gateway = gateway_command(_receipts)
