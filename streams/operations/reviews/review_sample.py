"""The sample of answers that reviewers see: drawn by a hash, so that anybody can draw it again.

The share stands in the configuration of moderate (`review` in moderate.json), the last step before
an answer stands, so each AnswerReleased names by its digest what it was drawn by:

    the first 8 bytes of SHA-256("<digest of the configuration>|<request id>"), as a big-endian
    number, are below share * 2^64

An auditor needs the record, the ConfigurationSet of that digest, and this line. Nobody can pick an
answer: another share, or any other change of the configuration, draws all later answers anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

PLACES = 2**64
"""Places that an answer may get in the draw."""
NOTHING_TO_JUDGE = frozenset({"search", "small_talk", "cancelled"})
"""Finish reasons with which nothing was answered out of documents, nor refused."""


class BadShare(ValueError):
    """A configuration does not say which share is drawn; the message says what it must be."""


def place_of(request: str, digest: str) -> int:
    """Return the place of a request in the draw of a configuration, from 0 up to PLACES."""
    drawn = hashlib.sha256(f"{digest}|{request}".encode()).digest()
    return int.from_bytes(drawn[:8], "big")


def share_for(tenant: str, configured: Mapping[str, Any]) -> float:
    """Return which share of a tenant's answers a configuration of moderate draws, 0 to 1.

    0 where it says nothing of reviews. Raises BadShare.
    """
    review = configured.get("review", {})
    if not isinstance(review, Mapping) or not isinstance(review.get("tenants", {}), Mapping):
        raise BadShare("review must be {share, tenants: {NAME: share}}; see moderate.json")
    share = review.get("tenants", {}).get(tenant, review.get("share", 0.0))
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise BadShare(f"review: a share is a number from 0 to 1, not {share!r}; see moderate.json")
    return float(share)


def is_drawn(place: int, share: float) -> bool:
    """Tell whether a place in the draw is within a share."""
    return place < int(share * PLACES)
