"""Fitting: conditional random fields over the words' features, and the mean of their weights."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from bench.tagger.written import LabelledSentence
from connectors.tagger.packed_words import Arrays, PackedWords, digest
from connectors.tagger.word_features import EDGE, OFFSETS, TOKEN, Features, features

PARAMETERS = {"c1": 0.03, "c2": 0.01, "feature.minfreq": 2}
WEIGHT_MIN = 0.004
"""Smaller ones are left out of the mean."""
LearnedWeights = dict[tuple[str, str], float]


def labels_of(tokens: Sequence[tuple[int, int, str]], text: LabelledSentence) -> list[str]:
    """Label tokens (start, end, spelling): B- begins a value, I- goes on, O is outside."""
    labels = ["O"] * len(tokens)
    for start, end, label in text.spans:
        began = False
        for at, (token_start, token_end, word) in enumerate(tokens):
            inside = token_start < end and token_end > start
            if inside and (word != "\n" or (token_start > start and token_end < end)):
                labels[at] = f"{'I' if began else 'B'}-{label}"
                began = True
    return labels


def seen(words: Sequence[str], known: dict[str, Features], lexicon: PackedWords) -> list[list[str]]:
    """List what is seen at each word, of itself and its neighbours."""
    of_word = []
    for word in words:
        if word not in known:
            known[word] = features(word, lexicon)
        of_word.append(known[word])
    edge = features(EDGE, lexicon)
    rows = []
    for at in range(len(words)):
        row = []
        for offset in OFFSETS:
            place = at + offset
            one = of_word[place] if 0 <= place < len(words) else edge
            row += [f"{offset}:{name}" for name in one[abs(offset)]]
        rows.append(row)
    return rows


def fitted(
    texts: Iterable[LabelledSentence], lexicon: PackedWords, iterations: int
) -> tuple[LearnedWeights, LearnedWeights]:
    """Train one field; returns the weights of (feature, label) and of (label, next label)."""
    import pycrfsuite  # of requirements.txt

    trainer = pycrfsuite.Trainer("lbfgs", verbose=False)
    known: dict[str, Features] = {}
    for text in texts:
        tokens = [(match.start(), match.end(), match[0]) for match in TOKEN.finditer(text.text)]
        if tokens:
            trainer.append(
                seen([one[2] for one in tokens], known, lexicon), labels_of(tokens, text)
            )
    trainer.set_params({**PARAMETERS, "max_iterations": iterations})
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "field.bin")
        trainer.train(file)
        tagger = pycrfsuite.Tagger()
        tagger.open(file)
        info = tagger.info()
        return dict(info.state_features), dict(info.transitions)


def mean(fields: Sequence[tuple[LearnedWeights, LearnedWeights]]) -> Arrays:
    """Return the mean of fields, in bytes: it judges as one and errs less than each."""
    labels = sorted({label for states, _ in fields for _, label in states})
    place = {label: at for at, label in enumerate(labels)}
    rows: defaultdict[str, np.ndarray] = defaultdict(lambda: np.zeros(len(labels)))
    follows = np.zeros((len(labels), len(labels)), np.float32)
    for states, transitions in fields:
        for (feature, label), weight in states.items():
            rows[feature][place[label]] += weight / len(fields)
        for (one, other), weight in transitions.items():
            follows[place[one], place[other]] += weight / len(fields)
    kept = {digest(name): row for name, row in rows.items() if np.abs(row).max() >= WEIGHT_MIN}
    keys = sorted(kept)
    table = np.array([kept[key] for key in keys])
    scales = np.maximum(np.abs(table).max(axis=1), 1e-6) / 127
    return {
        "labels": np.array(labels),
        "transitions": follows,
        "features": np.array(keys, np.uint32),
        "weights": np.round(table / scales[:, None]).astype(np.int8),
        "scales": scales.astype(np.float16),
    }
