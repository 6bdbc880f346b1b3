"""What the tagger is trained on: templates, public sentences, and how both are labelled."""

import gzip
import json

import pytest

from bench.tagger import public
from bench.tagger.field_fitting import labels_of, mean, seen
from bench.tagger.word_lists import dropped, packed
from bench.tagger.written import LABELS, PLACE, LabelledSentence, filled, templates, written
from connectors.tagger.packed_words import PackedWords, digest
from connectors.tagger.word_features import TOKEN


class KnownFillers:
    """A fake that fills every place with one value, and types small letters or doesn't."""

    def __init__(self, small=False):
        self.small = small
        self.language = "en"

    def make(self, name):
        return f"Val {name}"

    def chance(self, _share):
        return self.small


def test_a_template_is_filled_and_its_values_are_labelled():
    made = filled("{{Hi}} {PERSON} of {CITY}, no. {NUM}", KnownFillers())
    assert made.text == "{Hi} Val PERSON of Val CITY, no. Val NUM"
    assert [(made.text[a:b], label) for a, b, label in made.spans] == [
        ("Val PERSON", "PERSON"),
        ("Val CITY", "LOC"),
    ]
    assert filled("Hi {PERSON}", KnownFillers(small=True)).text == "hi val person"


def test_every_place_of_every_template_can_be_filled():
    known = {*LABELS, "TITLE", "JOB", "NUM", "NUM2", "EMAIL", "PRODUCT"}
    for lines in templates().values():
        for line in lines:
            assert {place[1] for place in PLACE.finditer(line)} - {None} <= known, line
            assert "{" not in PLACE.sub("", line), line


def test_templates_are_held_out_whole_and_every_language_has_some():
    every, kept, held_out = templates(), templates(held_out=False), templates(held_out=True)
    for language, lines in every.items():
        assert sorted(kept[language] + held_out[language]) == sorted(lines)
        assert held_out[language] or len(lines) < 4


def test_the_same_seed_writes_the_same_texts():
    lines = {"en": ["Hi {PERSON}", "Bye {PERSON}"], "none": ["So {NUM}"]}
    [one, again, other] = [
        [text.text for text in written(lines, 30, seed, KnownFillers())] for seed in (1, 1, 2)
    ]
    assert one == again != other
    assert len(one) == 30


def test_words_get_labels_where_values_stand():
    text = LabelledSentence("To Ann Lee,\nOslo", ((3, 10, "PERSON"), (12, 16, "LOC")))
    tokens = [(match.start(), match.end(), match[0]) for match in TOKEN.finditer(text.text)]
    assert labels_of(tokens, text) == ["O", "B-PERSON", "I-PERSON", "O", "O", "B-LOC"]
    lines = LabelledSentence("1 High St\nOslo", ((0, 14, "ADDR"),))
    tokens = [(match.start(), match.end(), match[0]) for match in TOKEN.finditer(lines.text)]
    assert labels_of(tokens, lines) == ["B-ADDR", *["I-ADDR"] * 4]


def test_what_is_seen_at_a_word_says_at_what_distance_it_stands():
    arrays = packed({"ann": 1}, {}, [], [])
    rows = seen(["Ann", "went"], {}, PackedWords(arrays))
    assert "0:word=ann" in rows[0]
    assert "1:word=went" in rows[0]
    assert "-1:edge" in rows[0]
    assert "-1:word=ann" in rows[1]
    assert "-1:first" in rows[1]


def test_the_lexicon_is_packed_by_digests_and_half_of_it_can_be_forgotten():
    bits = {f"w{at}": 1 + at % 15 for at in range(400)}
    arrays = packed(bits, {"w0": 7, "x": 3}, [], [])
    assert sorted(arrays["words"]) == list(arrays["words"])
    assert arrays["word_clusters"][list(arrays["words"]).index(digest("x"))] == 4
    kept = dropped(bits, 1)
    assert kept == dropped(bits, 1) != dropped(bits, 2)
    assert all(kept[word] & bits[word] == kept[word] for word in kept)
    known = sum(map(int.bit_count, bits.values()))
    assert 0.4 * known < sum(map(int.bit_count, kept.values())) < 0.6 * known


def test_the_mean_of_fields_keeps_what_weighs():
    one = ({("a", "O"): 2.0, ("tiny", "O"): 0.001, ("b", "B-X"): -1.0}, {("O", "B-X"): 1.0})
    other = ({("a", "O"): 1.0}, {("O", "B-X"): 3.0})
    arrays = mean([one, other])
    assert list(arrays["labels"]) == ["B-X", "O"]
    assert arrays["transitions"][1, 0] == 2.0
    assert set(arrays["features"]) == {digest("a"), digest("b")}
    row = list(arrays["features"]).index(digest("a"))
    weight = arrays["weights"][row].astype(float) * float(arrays["scales"][row])
    assert weight == pytest.approx([0.0, 1.5], rel=0.01)


def test_sentences_are_read_once_and_documents_lie_in_one_half(tmp_path):
    with gzip.open(tmp_path / "a.gz", "wt") as file:
        for at in range(40):
            text = f"This is sentence number {at}. This one stands everywhere.\nShort"
            file.write(json.dumps({"id": at, "text": text}) + "\n")
    halves = [public.sentences(tmp_path, (("a.gz", "text"),), half) for half in (0, 1)]
    every = public.sentences(tmp_path, (("a.gz", "text"),), None)
    assert len(every) == 41
    assert len(halves[0]) + len(halves[1]) == 42
    assert set(halves[0]) & set(halves[1]) == {"This one stands everywhere."}


def test_labelled_sets_of_personal_data_are_not_read():
    read = [file for file, _ in (*public.LABELLED, *public.TECHNICAL)]
    assert not [file for file in read if file.startswith("pii")]
