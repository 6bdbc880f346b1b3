"""Train the tagger and write its file."""

from __future__ import annotations

import argparse
import hashlib
import random
import time
from pathlib import Path

import numpy as np
import spacy

from bench.tagger import field_fitting, public, word_lists
from bench.tagger.fillers import Fillers
from bench.tagger.written import templates, written
from connectors.tagger.packed_words import PackedWords
from connectors.tagger.weights import FILE

SEEDS = (1, 2, 3, 4)
OWN, LABELLED, TECHNICAL = 6_000, 12_000, 1_800
"""Texts of each source."""
ITERATIONS = 50


def main() -> None:
    """Train, and write the file."""
    reader = argparse.ArgumentParser(prog="bench.tagger", description=__doc__)
    reader.add_argument("--data", type=Path, required=True)
    reader.add_argument("--model", type=Path, required=True, help="folder of en_core_web_md")
    reader.add_argument("--out", type=Path, default=FILE)
    reader.add_argument("--seeds", type=int, default=len(SEEDS), help="fields to take the mean of")
    reader.add_argument("--hold-out", action="store_true", help="leave templates out, to measure")
    given = reader.parse_args()
    began = time.process_time()
    model = spacy.load(given.model, exclude=["tagger", "parser", "lemmatizer", "attribute_ruler"])
    words = word_lists.gazetteer()
    fine, middle, coarse = word_lists.clusters(model)
    read = [
        *public.labelled(given.data, model, LABELLED),
        *public.technical(given.data, TECHNICAL),
    ]
    said(f"{len(words)} names, {len(fine)} words, {len(read)} sentences", began)
    lines = templates(held_out=False if given.hold_out else None)
    fields = []
    for seed in SEEDS[: given.seeds]:
        known = PackedWords(
            word_lists.packed(word_lists.dropped(words, seed), fine, middle, coarse)
        )
        texts = [*written(lines, OWN, seed, Fillers(seed)), *read]
        random.Random(seed).shuffle(texts)  # noqa: S311 - no secret
        fields.append(field_fitting.fitted(texts, known, ITERATIONS))
        said(f"field {seed}: {len(fields[-1][0])} weights", began)
    arrays = {**field_fitting.mean(fields), **word_lists.packed(words, fine, middle, coarse)}
    np.savez_compressed(given.out, allow_pickle=False, **arrays)
    name = hashlib.sha256(given.out.read_bytes()).hexdigest()
    said(f"{given.out}: {given.out.stat().st_size:,} bytes, sha256 {name}", began)


def said(what: str, began: float) -> None:
    """Tell how far it is."""
    print(f"{time.process_time() - began:6.0f} s  {what}", flush=True)  # noqa: T201 - its output


if __name__ == "__main__":
    main()
