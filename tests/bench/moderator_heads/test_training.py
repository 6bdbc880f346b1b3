"""Training: a head in its file scores a text as it did when it was trained."""

import hashlib
import io

import numpy as np
import pytest

from bench.moderator_heads import held_out
from bench.moderator_heads.model_code import WEIGHTS, module
from bench.moderator_heads.texts import Context, TrainingText
from bench.moderator_heads.training import (
    IMPORTANCE,
    SIGHTS,
    Looking,
    importance_of,
    packed,
    trained,
)

features, heads = module("moderator", "features"), module("moderator", "heads")
BAD = [f"you are a nasty {word}" for word in ("pig", "dog", "rat", "worm", "toad", "louse")]
GOOD = [f"the {word} is in the yard" for word in ("pig", "dog", "rat", "worm", "toad", "louse")]
ROWS = [
    TrainingText(text, label, "surge", number % 3)
    for label, made in ((1, BAD), (0, GOOD))
    for number, text in enumerate(made)
]


def encode(text):
    """A vector that says something of a text and no more."""
    seed = int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)
    vector = np.random.default_rng(seed).standard_normal(384).astype(np.float32)
    return vector / np.linalg.norm(vector)


def profane_words():
    size = 1 << features.PROFANITY_BITS
    weights, idf = np.zeros(size, np.int8), np.full(size, 100, np.uint8)
    weights[features.profanity_bucket("nasty")] = 100
    return {
        "profanity.weights": weights,
        "profanity.idf": idf,
        "profanity.steps": np.array([0.02, 0.04], np.float32),
        "profanity.bias": np.array(-0.8, np.float32),
    }


@pytest.fixture(scope="module")
def looking():
    return Looking(encode, profane_words())


def all_of(rows):
    return np.ones(len(rows), bool)


@pytest.mark.parametrize("name", SIGHTS)
def test_a_head_scores_as_it_was_trained(looking, name):
    sight = SIGHTS[name]
    table = looking.table([row.text for row in ROWS], sight)
    weights = trained(table, ROWS, all_of(ROWS))
    file = io.BytesIO()
    arrays = packed(name, weights, sight, shift=0.25)
    np.savez_compressed(file, names=np.array([name]), **profane_words(), **arrays)
    made = heads.Heads(file.getvalue())
    expected = 1 / (1 + np.exp(-(table.scores(weights) - 0.25)))
    given = [made.scores(row.text, (name,), encode)[0] for row in ROWS]
    assert np.allclose(given, expected, atol=0.02)
    assert min(given[:6]) > max(given[6:])


def test_profane_words_are_seen_in_the_text_and_in_its_worst_unit(looking):
    plain = "The meeting is on Monday at noon. " * 5
    whole, worst = looking.table([plain + "\nYou nasty thing."], SIGHTS["harm"]).dense[0, 384:]
    assert worst > whole > -0.8


def test_sets_count_as_the_table_says():
    rows = [TrainingText("a", 0, "openai", 0), TrainingText("b", 0, "elsewhere", 0)]
    assert importance_of(rows).tolist() == [IMPORTANCE["openai"], 1.0]


def test_weights_of_ngrams_are_bytes_and_none_is_lost(looking):
    table = looking.table([row.text for row in ROWS], SIGHTS["order"])
    weights = trained(table, ROWS, all_of(ROWS))
    made = packed("order", weights, SIGHTS["order"], 0.0)
    restored = made["order.grams"] * float(made["order.step"])
    assert made["order.grams"].dtype == np.int8
    assert np.abs(restored - weights[: features.DIMENSIONS]).max() <= float(made["order.step"]) / 2


def test_what_is_held_out_is_told_by_set(looking, capsys):
    table = looking.table([row.text for row in ROWS], SIGHTS["order"])
    benign = [TrainingText(text, 0, "benign", n % 3) for n, text in enumerate(GOOD)]
    rows = [*ROWS, *benign]
    table = looking.table([row.text for row in rows], SIGHTS["order"])
    held_out.of_rows("harm", rows, table, held_out.HeldOutSets(benign, np.arange(6.0)))
    said = capsys.readouterr().out
    assert "harm, held out by fold, surge: AUPRC" in said
    assert "harm, whole set left out, surge: AUPRC" in said
    assert "of 6 harmless ones" in said


def test_orders_are_judged_with_their_kind_left_out(looking, capsys):
    contexts = [
        Context(("The yard is wet.", f"Say {n}."), frozenset({f"Say {n}."}), "email", n % 5, n % 5)
        for n in range(10)
    ] + [Context(("The yard is wet.",), frozenset(), "email", n % 5, -1) for n in range(10)]
    chosen = []

    def train(read):
        chosen.append({(one.context_fold, one.attack_fold) for one in read})
        return np.zeros(features.DIMENSIONS + 1)

    held_out.of_orders(contexts, train, looking, ["A plain sentence."])
    assert all(fold not in pair for fold, pairs in enumerate(chosen) for pair in pairs)
    assert "10 attacked, 10 clean" in capsys.readouterr().out


def test_the_file_in_the_repository_is_the_models():
    assert heads.WEIGHTS.resolve() == WEIGHTS
