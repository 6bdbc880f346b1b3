"""What a receipt is of: an answer's text by its digest, and where its record lies on the log."""

from __future__ import annotations

import hashlib
from typing import Any

from schemas import AnswerReleased
from streams.topics import topic_of

AnswerPlace = tuple[str, int, int]
"""Topic, partition and offset."""


def place_of(partition: int, offset: int) -> AnswerPlace:
    """Return the place of an answer's record."""
    return topic_of(AnswerReleased), partition, offset


def claim_of(answer: AnswerReleased, partition: int, offset: int) -> dict[str, Any]:
    """Say what a receipt of an answer is of, and where to get it.

    The digest is of the text as it was released: what is personal in it is a placeholder.
    """
    topic, partition, offset = place_of(partition, offset)
    return {
        "digest": "sha256:" + hashlib.sha256(answer.text.encode()).hexdigest(),
        "position": {"topic": topic, "partition": partition, "offset": offset},
        "href": f"/v1/messages/{answer.meta.request}/receipt",
    }
