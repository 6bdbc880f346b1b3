"""Chunk policies: how large chunks are, and which policy fits which kind of document.

A policy is a file of `agents/configuration/chunk_policies`, found by its name; nothing else lists
them. Whoever hands in a document may name one. Else its kind decides: its media type, or what it
mostly holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.errors import Permanent
from agents.pieces import asks, speaks
from schemas import Block

PREFIX_PART_TOKENS_MAX = 56  # of the title, and of the headings: about one long sentence each
BY_KIND = ""
"""What stands in a submission that names no policy."""
SIGNS_MIN = 3  # questions or turns: one or two stand in any text


@dataclass(frozen=True)
class ChunkPolicy:
    """How large chunks are, in the embedder's tokens, the prefix included."""

    tokens_min: int
    """A section joins the chunk before it while that one is smaller."""
    tokens_target: int
    """Sections share a chunk up to this."""
    tokens_max: int
    """No chunk is longer; a section is split only where it exceeds this."""
    overlap_tokens: int
    """Most that is repeated of a text that is split."""
    questions: bool = False
    """Whether a paragraph that asks something begins a section."""
    turns: bool = False
    """Whether a speaker's name begins something that is parted from what was said before."""
    header_tokens: int = 0
    """Most that is repeated of a table or listing that is split: first row, lines around."""

    def __post_init__(self) -> None:
        """Raise Permanent for sizes that leave no room beside the longest prefix."""
        repeated = max(self.overlap_tokens, self.header_tokens)
        room = self.tokens_target - 2 * PREFIX_PART_TOKENS_MAX - repeated
        if room < 1 or not self.tokens_min <= self.tokens_target <= self.tokens_max:
            raise Permanent(
                f"chunk policy {self}: tokens_min <= tokens_target <= tokens_max must hold, and "
                f"tokens_target exceed overlap_tokens by {2 * PREFIX_PART_TOKENS_MAX}, "
                "and header_tokens likewise; correct the configuration of ingest"
            )

    @property
    def piece_max(self) -> int:
        """Longest piece that fits beside the longest prefix."""
        return self.tokens_max - 2 * PREFIX_PART_TOKENS_MAX

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> ChunkPolicy:
        """Read a policy of the configuration."""
        return cls(**{name: value for name, value in values.items() if name != "default_for"})


# ---------------------------------------------------------------------- which one a document gets


def known_policy(name: str, policies: Collection[str]) -> bool:
    """Tell whether a document may be submitted with that policy."""
    return name == BY_KIND or name in policies


def shares_of(blocks: Sequence[Block]) -> Iterator[tuple[str, float] | None]:
    """Yield what share of a document is of each kind, and None for each block that was looked at.

    `table`, `code` and so on by characters; `questions` and `turns` by the number of blocks that
    ask or begin with a speaker's name, among those that are neither table nor code.
    """
    characters: Counter[str] = Counter()
    spoken: Counter[str] = Counter()
    for block in blocks:
        characters[block.kind] += len(block.text)
        if block.kind not in ("table", "code"):
            spoken["all"] += 1
            spoken["questions"] += asks(block.text)
            spoken["turns"] += speaks(block.text)
        yield None
    total = sum(characters.values())
    for kind in sorted(characters):
        yield kind, characters[kind] / max(1, total)
    for sign in ("questions", "turns"):
        if spoken[sign] >= SIGNS_MIN:
            yield sign, spoken[sign] / spoken["all"]


def policy_for(
    media_type: str, shares: Mapping[str, float], policies: Mapping[str, Any], default: str
) -> str:
    """Choose a policy by the kind of a document: by its media type, else by what it mostly holds.

    A policy's `default_for` names media types, and the least `shares` from which it is taken; of
    several the one whose least share is exceeded most. `default` where none is; where no policy is
    called so either, the first by name.
    """
    kind = media_type.partition(";")[0].strip().lower()  # a charset makes no other kind
    wanted = {name: policy.get("default_for", {}) for name, policy in sorted(policies.items())}
    for name, kinds in wanted.items():
        if kind in kinds.get("media_types", ()):
            return name
    exceeded = [
        (least - shares.get(sign, 0.0), name)
        for name, kinds in wanted.items()
        for sign, least in sorted(kinds.get("shares", {}).items())
        if shares.get(sign, 0.0) >= least
    ]
    if exceeded:
        return min(exceeded)[1]
    return default if default in policies else min(policies)
