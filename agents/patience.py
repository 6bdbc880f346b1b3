"""Patience: whether a step waits for a service that is away, or does without it now.

A service that was restarted is back within seconds, and what it gives is better than what does
without it. So for a moment the step fails as Transient and is tried again; then it degrades, for a
reader waits. With little time left it degrades at once: a circuit may be open for longer than that,
and the runner would refuse the question instead of trying again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.effects import Effects
from schemas import ChunksRetrieved, Now, QueryRewritten, QuestionAsked, TokensGenerated

MS = 1_000  # microseconds


async def patient(
    event: QuestionAsked | QueryRewritten | ChunksRetrieved | TokensGenerated,
    fx: Effects,
    configured: Mapping[str, Any],
) -> bool:
    """Tell whether to let a Transient error pass to the runner, which tries again.

    So it is until `patience_ms` after the input was written, while `urgent_ms` are left.
    """
    now_us = (await fx(Now())).at
    waited_us, deadline = now_us - event.meta.at, event.ask.deadline
    hurried = deadline > 0 and deadline - now_us < configured["urgent_ms"] * MS
    return waited_us < configured["patience_ms"] * MS and not hurried
