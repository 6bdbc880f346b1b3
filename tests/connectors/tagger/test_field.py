"""The field: weights by hand, so that each label's score can be told."""

import hashlib
from itertools import pairwise

import numpy as np
import pytest

from connectors.tagger import weights as weights_module
from connectors.tagger.field import Field, Tagged
from connectors.tagger.packed_words import PackedWords, digest
from connectors.tagger.weights import FILE, Weights, version
from connectors.tagger.word_features import EDGE, OFFSETS, TOKEN, WORD_CHARACTERS_MAX, features

LABELS = ["B-PERSON", "I-PERSON", "O"]


def arrays(weighed, transitions=None, words=()):
    """Spell weights: (feature, label) to a number of -127 to 127, and the words known."""
    names = sorted({name for name, _ in weighed}, key=digest)
    table = np.zeros((len(names), len(LABELS)), np.int8)
    for (name, label), weight in weighed.items():
        table[names.index(name), LABELS.index(label)] = weight
    known = sorted(words, key=lambda word: digest(word[0]))
    return {
        "labels": np.array(LABELS),
        "transitions": np.zeros((3, 3), np.float32) if transitions is None else transitions,
        "features": np.array([digest(name) for name in names], np.uint32),
        "weights": table,
        "scales": np.ones(len(names), np.float16),
        "words": np.array([digest(word) for word, _, _ in known], np.uint32),
        "word_flags": np.array([flags for _, flags, _ in known], np.uint8),
        "word_clusters": np.array([cluster for _, _, cluster in known], np.uint16),
        "middle_clusters": np.array([4, 5], np.uint16),
        "coarse_clusters": np.array([1, 2], np.uint8),
    }


def tags(text, weighed, *biases, transitions=None):
    return Field(Weights(arrays(weighed, transitions))).tags(text, *(biases or (0.0,)))


def test_a_word_is_labelled_by_itself_and_by_what_stands_around():
    mister = {("-1:word=mr", "B-PERSON"): 3, ("0:case=c", "O"): 1}
    assert tags("mr lee x", mister) == [[Tagged(3, 6, "PERSON")]]
    after = {("1:word=said", "B-PERSON"): 3, ("0:case=c", "O"): 1}
    assert tags("lee said so", after) == [[Tagged(0, 3, "PERSON")]]
    two = {("-2:word=by", "B-PERSON"): 3, ("0:case=c", "O"): 1}
    assert tags("by far lee", two) == [[Tagged(7, 10, "PERSON")]]


def test_words_go_on_what_began_and_nothing_begins_with_going_on():
    weighed = {("0:word=ann", "B-PERSON"): 5, ("0:word=lee", "I-PERSON"): 5}
    assert tags("ann lee", weighed) == [[Tagged(0, 7, "PERSON")]]
    alone = {("0:word=lee", "I-PERSON"): 5, ("0:word=lee", "O"): 1}
    assert tags("lee", alone) == [[]]


def test_labels_that_follow_each_other_weigh():
    follows = np.zeros((3, 3), np.float32)
    follows[0, 1] = 5.0  # B-PERSON, then I-PERSON
    weighed = {("0:word=ann", "B-PERSON"): 2, ("0:word=of", "O"): 4}
    assert tags("ann of", weighed) == [[Tagged(0, 3, "PERSON")]]
    assert tags("ann of", weighed, transitions=follows) == [[Tagged(0, 6, "PERSON")]]


def test_a_bias_makes_it_bolder_and_all_are_answered_at_once():
    weighed = {("0:word=lee", "B-PERSON"): 2, ("0:word=lee", "O"): 3, ("0:word=x", "O"): 9}
    assert tags("lee x", weighed, 0.0, 2.0, 0.5) == [[], [Tagged(0, 3, "PERSON")], []]


def test_an_empty_text_has_no_values():
    assert tags("", {("0:word=x", "O"): 1}, 0.0, 1.0) == [[], []]
    assert tags(" \t", {("0:word=x", "O"): 1}) == [[]]


def test_the_path_is_the_best_of_all_paths():
    """Against every path there is."""
    generator = np.random.default_rng(4)
    names = [f"0:word={word}" for word in "abcd"]
    weighed = {(name, label): int(generator.integers(-9, 9)) for name in names for label in LABELS}
    follows = generator.integers(-4, 4, (3, 3)).astype(np.float32)
    field = Field(Weights(arrays(weighed, follows)))
    scores = field._scores(list("abcd"))
    paths = np.stack(np.meshgrid(*[range(3)] * 4, indexing="ij"), -1).reshape(-1, 4)

    def total(path):
        allowed = path[0] != 1 and all(
            not (after == 1 and before == 2) for before, after in pairwise(path)
        )
        steps = sum(follows[a, b] for a, b in pairwise(path))
        return sum(scores[at, label] for at, label in enumerate(path)) + steps if allowed else -1e9

    [found] = field._paths(scores, np.zeros(1, np.float32))
    assert total(found) == max(map(total, paths))


def test_what_is_kept_of_words_is_bounded_and_changes_nothing(monkeypatch):
    monkeypatch.setattr(weights_module, "KEPT_WORDS_MAX", 3)
    weights = Weights(arrays({("0:word=a", "O"): 1}))
    for word in ("a", "b", "c", "d", "a", "x" * (WORD_CHARACTERS_MAX + 1)):
        assert weights.of_word(word)[0, 2] == (1 if word == "a" else 0)
        assert len(weights._kept) <= 3


def test_a_lexicon_knows_words_by_their_spelling_or_in_small_letters():
    lexicon = PackedWords(
        arrays({("x", "O"): 1}, words=[("may", 1, 1), ("May", 0, 2), ("rome", 4 + 1, 0)])
    )
    assert lexicon.flags("may") == ("first",)
    assert lexicon.flags("rome") == ("first", "city")
    assert lexicon.flags("unknown") == ()
    assert lexicon.cluster("may") == (1, 4, 0)
    assert lexicon.cluster("May") == (2, 5, 1)
    assert lexicon.cluster("MAY") == (1, 4, 0)
    assert lexicon.cluster("rome") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ann's 12a, x_y", ["Ann", "'", "s", "12", "a", ",", "x", "_", "y"]),
        ("a\nb\t c", ["a", "\n", "b", "c"]),
        ("王伟さんはアン", ["王", "伟", "さんは", "アン"]),
        ("राहुल शर्मा", ["राहुल", "शर्मा"]),
    ],
)
def test_a_text_is_cut_into_words(text, words):
    assert TOKEN.findall(text) == words


def test_features_are_of_the_word_its_neighbours_and_theirs():
    lexicon = PackedWords(arrays({("x", "O"): 1}, words=[("anna", 1, 1)]))
    itself, beside, beyond = features("Anna", lexicon)
    assert {"word=anna", "shape=Xxx", "case=C", "first", "first|C", "a1", "b4", "c0"} <= {*itself}
    assert {"end3=nna", "first", "a1", "b4", "c0"} <= {*beside}
    assert "c0" not in beyond
    assert "digits=4" in features("1984", lexicon)[0]
    assert "year" in features("1984", lexicon)[0]
    assert "street" in features("Lindenstraße", lexicon)[0]
    assert "people" in features("Norwegians", lexicon)[0]
    assert features(EDGE, lexicon) == (("edge",),) * len({abs(one) for one in OFFSETS})


def test_the_weights_that_come_with_playhead_are_those_of_the_card():
    card = (FILE.parents[2] / "docs" / "tagger.md").read_text()
    assert hashlib.sha256(FILE.read_bytes()).hexdigest() in card
    assert version() in hashlib.sha256(FILE.read_bytes()).hexdigest()
    assert FILE.stat().st_size <= 10_000_000


def test_words_that_people_are_called_by_and_words_of_their_kind():
    many = [(f"rare{at}", 0, 2) for at in range(19)]
    known = [("lee", 2, 1), ("bach", 0, 1), ("rome", 4, 2), ("lea", 1, 2), *many, ("xu", 0, 0)]
    weights = Weights(arrays({("x", "O"): 1}, words=known))
    assert [word for word in ("lee", "Lea", "rome", "rare1", "who") if weights.named(word)] == [
        "lee",
        "Lea",
    ]
    assert weights.kin_is_named("Bach")
    assert not weights.kin_is_named("rare1")  # one of 21
    assert weights.kin_is_named("unheard")
    assert weights.kin_is_named("xu")
