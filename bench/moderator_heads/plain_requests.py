"""Harmless sentences of our own, of kinds that the public sets lack: work, technology, politeness.

The sets of questions are about people and history, so a head that was trained on them alone takes
"How do I write a prompt?" for an attack, and a killed process for violence. Each sentence is made
of a frame and a word; their halves are told apart by the frame.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from bench.moderator_heads.texts import TrainingText, fold_of

FILE = Path(__file__).with_suffix(".json")


@cache
def frames() -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """Read words, and the frames that each of them fits into."""
    groups = json.loads(FILE.read_text(encoding="utf-8"))
    return tuple((tuple(group["words"]), tuple(group["frames"])) for group in groups)


def plain_requests(half: int) -> list[TrainingText]:
    """List the sentences of half of the frames."""
    return [
        TrainingText(frame.format(word), 0, "own", fold_of(frame))
        for words, made in frames()
        for frame in made
        for word in words
        if fold_of(f"half {frame}", 2) == half
    ]
