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
    FetchAdjacent,
    Generate,
    IndexChunks,
    Parse,
    PublishVersion,
    RateRoute,
    ReadRoutes,
    RecallValues,
    RememberValues,
    Request,
    Rerank,
    Seal,
    Search,
    Unseal,
    WithdrawVersions,
)

KEYRING = "connectors.keyring:Keyring"
"""Every worker has it: the digests of local effects are keyed."""

DETECTING = "connectors.presidio.connector:Presidio"
DETECTING_LATE = "connectors.presidio.connector:LatePresidio"
"""The same without a process that is loaded ahead: tools are seldom used."""

CONNECTORS: dict[str, tuple[type[Request[Any]], ...]] = {
    KEYRING: (Seal, Unseal, Digest, RememberValues, RecallValues),
    "connectors.documents:Documents": (Parse, CountTokens),
    DETECTING: (Detect,),
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
        FetchAdjacent,
    ),
}
"""Connectors by `module:Class`. Some take seconds to import, and only then are they imported."""

ASKED_IN_TURN: dict[type[Request[Any]], tuple[type[Request[Any]], ...]] = {
    CallTool: (Detect, Digest, Seal),
}
"""What whoever answers a request asks others in turn, on the way to the answer."""


def connectors_for(requests: Iterable[type[Request[Any]]]) -> tuple[str, ...]:
    """Name the connectors that answer some requests, and the keyring, in the order of the table.

    Those that they ask in turn are among them. Raises LookupError for a request that none answers.
    """
    asked = tuple(requests)
    needed = {KEYRING, *map(_path_of, asked)}
    in_turn = {_path_of(one) for request in asked for one in ASKED_IN_TURN.get(request, ())}
    return tuple(
        DETECTING_LATE if path == DETECTING and path not in needed else path
        for path in CONNECTORS
        if path in needed | in_turn
    )


def _path_of(request: type[Request[Any]]) -> str:
    path = next((path for path, own in CONNECTORS.items() if request in own), None)
    if path is None:
        raise LookupError(
            f"no connector answers {request.__name__}: give it a row in "
            "connectors/who_answers.py, or take it out of `asks` in streams/topics.py"
        )
    return path
