"""Topics and groups of the Quix peer, for those who need no more of it."""

from __future__ import annotations

ASKED, PROMPTS, SAID = "peers-asked", "peers-prompts", "peers-said"
GENERATING = 8  # processes, and partitions of the prompts
TOPICS = {ASKED: 1, PROMPTS: GENERATING, SAID: 1}
"""Topic -> partitions."""


def group_of_step(source: str) -> str:
    """Name the consumer group of the step that reads a topic."""
    return f"group-{source}"
