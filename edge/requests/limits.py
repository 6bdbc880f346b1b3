"""What a request may hold: the one list by which HTTP, WebSocket, inbox and command line go."""

from __future__ import annotations

import re
from functools import cache

from streams.log import configuration

TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
"""What a tenant may be called: Weaviate's rule for tenant names, and safe in a file name."""
SESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
SESSION_MAX = 128  # characters
USER_MAX = 256  # characters
QUESTION_MAX = 20_000  # characters: far above any question, far below the broker's limit
BUDGET_MS = (100, 600_000)
ANSWER_TOKENS = 160  # unless the asker says otherwise
ANSWER_TOKENS_MAX = 4_096
PASSAGES = 6  # of a search, unless the asker says otherwise
PASSAGES_MAX = 100

URI_MAX = 2_048  # characters; what servers commonly accept
TITLE_MAX = 1_000  # characters
METADATA_MAX = 64  # entries of 64 and 512 characters: filters, not content
METADATA_KEY_MAX = 64
METADATA_VALUE_MAX = 512
GROUPS_MAX = 64
CHUNK_POLICY = "procedural"
"""How a document is cut, unless whoever hands it in says otherwise."""

BODY_MAX = 1_048_576
"""Bytes of a body other than a document's: far above any question."""


@cache
def chunk_policies() -> tuple[str, ...]:
    """Name the ways to cut a document that ingest is configured with."""
    return tuple(configuration.load()["ingest"].values["policies"])
