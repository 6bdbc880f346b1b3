"""Train all heads and write their file; `--figures` says first what held-out texts show."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.moderator_heads import profane_words, texts
from bench.moderator_heads.held_out import HeldOutSets, of_orders, of_rows
from bench.moderator_heads.logistic import Vector, fit
from bench.moderator_heads.model_code import WEIGHTS, module
from bench.moderator_heads.plain_requests import plain_requests
from bench.moderator_heads.texts import Context, TrainingText
from bench.moderator_heads.training import (
    ORDER_STRENGTH,
    PLAIN_SENTENCES,
    SIGHTS,
    Looking,
    packed,
    trained,
)

ALARMS = 0.005  # share of harmless texts that a score of 0.5 lies below
SENTENCES = 4_000  # of ordinary documents that orders are told from


class KeptVectors:
    """Encodes texts, and keeps their vectors in a folder: training is done more than once."""

    def __init__(self, embedder: Path, cache: Path | None) -> None:
        self._encoder = module("embedder", "encoder").Encoder(embedder)
        self._file = cache and cache / "vectors.npz"
        self._kept: dict[str, NDArray[np.float32]] = {}
        if self._file and self._file.exists():
            with np.load(self._file) as held:
                self._kept = dict(zip(held["names"].tolist(), held["vectors"], strict=True))

    def __call__(self, text: str) -> NDArray[np.float32]:
        """Return a text's vector."""
        name = hashlib.sha256(text.encode()).hexdigest()
        if name not in self._kept:
            self._kept[name] = self._encoder.encode(text, query=False, with_tokens=False).vector
        return self._kept[name]

    def keep(self) -> None:
        """Write what is kept."""
        if self._file and self._kept:
            names, vectors = list(self._kept), np.stack(list(self._kept.values()))
            np.savez(self._file, names=np.array(names), vectors=vectors)


def main() -> None:
    """Train, and write the file."""
    reader = argparse.ArgumentParser(prog="bench.moderator_heads", description=__doc__)
    for name in ("data", "embedder", "profanity"):
        reader.add_argument(f"--{name}", type=Path, required=True)
    reader.add_argument("--cache", type=Path, help="a folder for vectors")
    reader.add_argument("--out", type=Path, default=WEIGHTS)
    reader.add_argument("--figures", action="store_true")
    given = reader.parse_args()
    encode = KeptVectors(given.embedder, given.cache)
    profane = profane_words.read(given.profanity)
    looking = Looking(encode, profane)
    arrays: dict[str, NDArray[Any]] = {"names": np.array(list(SIGHTS)), **profane}
    spare = texts.harmless(given.data, half=1) + plain_requests(half=1)
    for name, rows in rows_by_head(given.data).items():
        arrays |= head_of(name, rows, spare, looking, figures=given.figures)
        encode.keep()
    arrays |= order_head(given.data, looking, figures=given.figures)
    np.savez_compressed(given.out, allow_pickle=False, **arrays)
    print(f"{given.out}: {given.out.stat().st_size:,} bytes")  # noqa: T201 - a program's output


def rows_by_head(folder: Path) -> dict[str, list[TrainingText]]:
    """Read what the heads over whole texts are trained on."""
    moderated = texts.moderation(folder)
    harmless = texts.harmless(folder, half=0) + plain_requests(half=0)
    asked = [TrainingText(row.text, 0, row.data, row.fold) for row in moderated]
    return {
        "harm": moderated + harmless,
        "injection": texts.direct_injection(folder) + asked + harmless,
    }


def head_of(
    name: str,
    rows: Sequence[TrainingText],
    spare: Sequence[TrainingText],
    looking: Looking,
    *,
    figures: bool,
) -> dict[str, NDArray[Any]]:
    """Train one head; 0.5 is put where few texts lie that it was not trained on.

    Then it is trained on these too, as far as they are our own.
    """
    sight = SIGHTS[name]
    table = looking.table([row.text for row in rows], sight)
    weights = trained(table, rows, np.ones(len(rows), bool))
    unseen = looking.table([row.text for row in spare], sight).scores(weights)
    if figures:
        of_rows(name, rows, table, HeldOutSets(spare, unseen))
    everything = [*rows, *plain_requests(half=1)]
    table = looking.table([row.text for row in everything], sight)
    weights = trained(table, everything, np.ones(len(everything), bool))
    return packed(name, weights, sight, shift=float(np.quantile(unseen, 1 - ALARMS)))


def order_head(folder: Path, looking: Looking, *, figures: bool) -> dict[str, NDArray[Any]]:
    """Train the head that finds orders in what is only read."""
    cut = looking.features.units
    read = texts.contexts(folder, cut)
    plain = [sentences(texts.harmless(folder, half), cut) for half in (0, 1)]
    asked = texts.requests(folder, cut)

    def train(chosen: Sequence[Context]) -> Vector:
        orders = sorted({unit for one in chosen for unit in one.orders} | set(asked))
        others = sorted({unit for one in chosen for unit in one.units} - set(orders))
        labels = np.repeat([1.0, 0.0, 0.0], [len(orders), len(others), len(plain[0])])
        shares = np.array([len(others) / len(orders), 1.0, PLAIN_SENTENCES])
        importance = np.repeat(shares, [len(orders), len(others), len(plain[0])])
        table = looking.table([*orders, *others, *plain[0]], SIGHTS["order"])
        return fit(table, labels, importance, ORDER_STRENGTH)

    if figures:
        of_orders(read, train, looking, plain[1])
    weights = train(read)
    unseen = looking.table(plain[1], SIGHTS["order"]).scores(weights)
    return packed("order", weights, SIGHTS["order"], float(np.quantile(unseen, 1 - ALARMS)))


def sentences(rows: Sequence[TrainingText], cut: Any) -> list[str]:
    """List the sentences of ordinary documents."""
    documents = [row.text for row in rows if len(row.text.split()) > 40]
    return sorted({unit for text in documents for unit in cut(text)})[:SENTENCES]


if __name__ == "__main__":
    main()
