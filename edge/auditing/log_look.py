"""A look at the log: what somebody is about to be shown of what others asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class LogLook:
    """What is told of a look before anything is shown."""

    what: str
    """search, answer, prompt, proof, timeline or document."""
    about: str = ""
    """Request or document; empty for a search."""
    conditions: Mapping[str, str] = field(default_factory=dict)
    """What was searched for, by a keyed digest where it names nothing that is on the log; of a
    proof, where the record lies."""
    shown: tuple[str, ...] = ()
    """Ids of the requests that a list holds."""
    kinds: tuple[str, ...] = ()
    """Types of the values that are shown in the place of placeholders."""
    withheld: tuple[str, ...] = ()
    """Requests whose texts are not shown."""
