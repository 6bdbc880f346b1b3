"""Who answers what: every connector and its requests, without loading what it works with.

Adding a connector takes a row here. Which steps need it follows from the requests that each names
in its row of `streams/topics.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from schemas import (
    Calculate,
    CallTool,
    CheckPolicy,
    Classify,
    CountTokens,
    Detect,
    Digest,
    Embed,
    Fetch,
    Generate,
    IndexChunks,
    Parse,
    PublishVersion,
    RateRoute,
    ReadRoutes,
    Request,
    Rerank,
    Seal,
    Search,
    Unseal,
    WithdrawVersions,
)

KEYRING = "connectors.keyring:Keyring"
"""Every worker has it: the digests of local effects are keyed."""

CONNECTORS: dict[str, tuple[type[Request[Any]], ...]] = {
    KEYRING: (Seal, Unseal, Digest),
    "connectors.documents:Documents": (Parse, CountTokens),
    "connectors.presidio.connector:Presidio": (Detect,),
    "connectors.triton:Triton": (Embed,),
    "connectors.triton.moderator:Moderator": (Classify,),
    "connectors.providers:Providers": (Generate, ReadRoutes, RateRoute),
    "connectors.tools:Tools": (Calculate, CallTool, CheckPolicy),
    "connectors.weaviate:Weaviate": (
        IndexChunks,
        PublishVersion,
        WithdrawVersions,
        Search,
        Rerank,
        Fetch,
    ),
}
"""Connectors by `module:Class`. Some take seconds to import, and only then are they imported."""


def connectors_for(requests: Iterable[type[Request[Any]]]) -> tuple[str, ...]:
    """Name the connectors that answer some requests, and the keyring, in the order of the table.

    Raises LookupError for a request that none answers.
    """
    needed = {KEYRING}
    for request in requests:
        path = next((path for path, own in CONNECTORS.items() if request in own), None)
        if path is None:
            raise LookupError(
                f"no connector answers {request.__name__}: give it a row in "
                "connectors/who_answers.py, or take it out of `asks` in streams/topics.py"
            )
        needed.add(path)
    return tuple(path for path in CONNECTORS if path in needed)
