"""Heads: linear models over a text's vector, its hashed n-grams and how profane its words are.

    harm       hate, harassment, violence, self-harm and sexual content
    injection  words that would set an assistant's rules aside, in what a person asks
    order      a sentence that tells an assistant what to do, in what is only read

A score of 0.5 stands where one in two hundred harmless texts lies above it. What the heads were
trained on, how well they do and where they fail stands in docs/moderator.md.

Why it is so: a long text is scored as a whole and in windows, and the highest score counts, so that
nobody hides behind a page of something else. `order` looks at sentences without a vector: passages
have so many that a model for each would cost more than the answer does. A text of 8,000 characters
takes a second, so it is scored in steps, between which others have their turn (see model.py).
"""

import hashlib
import io
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from features import ngrams, profanity_buckets, units
from numpy.typing import NDArray

WEIGHTS = Path(__file__).with_name("heads.npz")
VECTOR_SCALE, GRAM_SCALE = 3.0, 3.0  # of the parts of what a head sees, as it was trained
TEXT_CHARS = 8_000  # of a text that are looked at: as many as a question may have
WINDOW_WORDS = 250
LONG_WORDS = 400  # a longer text is looked at in windows too

Encode = Callable[[str], NDArray[np.float32]]


@dataclass(frozen=True)
class Head:
    """One linear model; what it does not look at is None."""

    grams: NDArray[np.int8]
    step: float  # what one of `grams` is worth
    bias: float
    vector: NDArray[np.float32] | None = None
    profanity: NDArray[np.float32] | None = None  # of the whole text, of its worst unit

    @property
    def by_units(self) -> bool:
        """Whether it looks at sentences, and the highest score counts."""
        return self.vector is None


@dataclass(frozen=True)
class Profanity:
    """How profane words are: a linear model over their frequencies, by hashed word."""

    weights: NDArray[np.float32]
    idf: NDArray[np.float32]
    bias: float

    def of(self, text: str) -> float:
        """Score a text; above 0 is profane."""
        buckets, counts = profanity_buckets(text)
        values = counts * self.idf[buckets]
        length = float(np.sqrt(np.dot(values, values)))
        return float(np.dot(values, self.weights[buckets])) / max(length, 1e-9) + self.bias


class Heads:
    """All heads of a file. Raises KeyError for a name that it lacks."""

    def __init__(self, data: bytes) -> None:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            held = {name: file[name] for name in file.files}
        self.model = f"moderator@{hashlib.sha256(data).hexdigest()[:8]}"
        self.names: tuple[str, ...] = tuple(str(name) for name in held["names"])
        self._profanity = Profanity(
            held["profanity.weights"] * held["profanity.steps"][0],
            held["profanity.idf"] * held["profanity.steps"][1],
            float(held["profanity.bias"]),
        )
        self._heads = {name: _head(held, name) for name in self.names}

    def scores(self, text: str, names: Sequence[str], encode: Encode) -> list[float]:
        """Score a text by each of the heads named, 0 to 1, to four places."""
        steps = self.scoring(text, names, encode)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                scores: list[float] = end.value
                return scores

    def scoring(
        self, text: str, names: Sequence[str], encode: Encode
    ) -> Generator[None, None, list[float]]:
        """Do what `scores` does in steps, each of which asks the encoder for one text at most."""
        heads = [self._heads[name] for name in names]
        text = text[:TEXT_CHARS]
        if not text.strip():
            return [0.0] * len(heads)
        whole: list[Seen] = []
        if any(not head.by_units for head in heads):
            for part in windows(text):
                whole.append(self._features(part, encode))
                yield
        parts = (
            [Seen(ngrams(unit)) for unit in units(text)]
            if any(head.by_units for head in heads)
            else []
        )
        return [
            round(max(_squashed(head, seen) for seen in (parts if head.by_units else whole)), 4)
            for head in heads
        ]

    def _features(self, text: str, encode: Encode) -> "Seen":
        worst = max((self._profanity.of(unit) for unit in units(text)), default=-1.0)
        return Seen(ngrams(text), encode(text), np.array([self._profanity.of(text), worst]))


@dataclass(frozen=True)
class Seen:
    """What heads see of a text."""

    grams: tuple[NDArray[np.int64], NDArray[np.float32]]
    vector: NDArray[np.float32] | None = None
    profanity: NDArray[np.float64] | None = None


def windows(text: str) -> list[str]:
    """Return a text, and where it is long, its windows."""
    words = text.split()
    if len(words) <= LONG_WORDS:
        return [text]
    starts = range(0, len(words), WINDOW_WORDS)
    return [text, *(" ".join(words[start : start + WINDOW_WORDS]) for start in starts)]


def _head(held: dict[str, NDArray[np.float32]], name: str) -> Head:
    vector, profanity = held.get(f"{name}.vector"), held.get(f"{name}.profanity")
    return Head(
        held[f"{name}.grams"],
        float(held[f"{name}.step"]),
        float(held[f"{name}.bias"]),
        None if vector is None else vector.astype(np.float32),
        profanity,
    )


def _squashed(head: Head, seen: Seen) -> float:
    """Score what is seen, as a probability."""
    buckets, values = seen.grams
    total = head.bias + GRAM_SCALE * head.step * float(np.dot(values, head.grams[buckets]))
    if head.vector is not None and seen.vector is not None:
        total += VECTOR_SCALE * float(np.dot(head.vector, seen.vector))
    if head.profanity is not None and seen.profanity is not None:
        total += float(np.dot(head.profanity, seen.profanity))
    return float(1 / (1 + np.exp(-np.clip(total, -30, 30))))
