"""The analysis of text: terms, stems, stop words."""

import time

import pytest
import regex

from connectors.weaviate import analysis
from connectors.weaviate.analysis import WHOLE_CHARS_MAX, query_terms, stem, terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The limits of a VPC", ["limit", "vpc"]),
        ("Does <PERSON_1> own m5.large?", ["own", "m5", "large", "m5.large"]),
        ("", []),
        ("what is it", []),
        ("Don't", ["don", "t"]),
    ],
)
def test_words_are_stemmed_and_hold_neither_stop_words_nor_placeholders(text, expected):
    assert terms(text) == query_terms(text) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [("classes", "class"), ("policies", "policy"), ("class", "class"), ("as", "as"), ("is", "is")],
)
def test_the_commonest_endings_are_stripped(word, expected):
    assert stem(word) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Zürich", "ZURICH"),
        ("Zu\u0308rich", "zürich"),
        ("ＡＢ－１２３", "ab-123"),
        ("straße", "STRASSE"),
        ("İstanbul", "istanbul"),
        ("Łódź Søren", "lodz soren"),
        ("Ёлка", "елка"),
        ("ΑΘΗΝΑ", "Αθήνα"),
        ("ﬁle", "file"),
        ("وَالكِتَابُ", "الكتاب"),
        ("الكتـــاب", "كتاب"),
        ("مكتبة إدارة", "مكتبه اداره"),
        ("٣٤٥ ۳۴۵ ३४५", "345 345 345"),
        ("שָׁלוֹם", "שלום"),
        ("ｶﾞｲﾄﾞ", "ガイド"),
    ],
)
def test_what_readers_take_for_the_same_has_the_same_terms(one, other):
    assert terms(one) == terms(other) != []
    assert query_terms(one) == query_terms(other)


@pytest.mark.parametrize(
    ("one", "other"), [("が", "か"), ("हिन्दी", "हन्दी"), ("us-east-2", "us-west-2"), ("1,000", "1")]
)
def test_what_readers_tell_apart_has_other_terms(one, other):
    assert set(terms(one)) != set(terms(other))


@pytest.mark.parametrize(
    ("text", "whole", "parts"),
    [
        ("us-east-2", "us-east-2", ["us", "east", "2"]),
        ("GroundTruth", "groundtruth", ["ground", "truth"]),
        ("HTTPServer", "httpserver", ["http", "server"]),
        ("snake_case", "snake_case", ["snake", "case"]),
        ("s3:GetObject", "s3:getobject", ["s3", "get", "object"]),
        ("CVE-2021-44228", "cve-2021-44228", ["cve", "2021", "44228"]),
        ("10,000.50", "10000.50", ["10", "000", "50"]),
        ("größen-2", "grossen-2", ["grossen", "2"]),
    ],
)
def test_an_identifier_is_found_as_a_whole_and_by_its_parts(text, whole, parts):
    assert whole in terms(text)
    assert set(parts) < set(terms(text))


def test_an_endless_address_is_found_by_its_parts_alone():
    address = "a1/" * WHOLE_CHARS_MAX + "a1"
    assert set(terms(address)) == {"a1"}


def test_a_list_of_numbers_is_no_number():
    assert terms("1,2,3") == ["1", "2", "3"]


@pytest.mark.parametrize("text", ["東京都の天気", "ภาษาไทย", "한국어문서", "カタカナ"])
def test_a_question_without_spaces_meets_any_document_that_holds_its_pairs(text):
    document = set(terms(f"{text[::-1]} x{text}x"))
    assert set(query_terms(text)) <= document
    assert query_terms(text) == [text[at : at + 2] for at in range(len(text) - 1)]
    assert set(query_terms(text[:1])) <= document


def test_no_term_holds_a_space_or_a_mark_of_punctuation_at_its_end():
    text = "(us-east-2), “Zürich”… a.b. foo_ _bar -- 東京。ok?"
    assert all(regex.fullmatch(r"\w(?:\S*\w)?", term) for term in terms(text))


class CountingPattern:
    """A pattern that counts what is yielded, so that work shows in numbers."""

    def __init__(self, pattern):
        self._pattern = pattern
        self.looked_at = 0

    def findall(self, text):
        """Find, and count the characters that were looked at."""
        self.looked_at += len(text)
        return self._pattern.findall(text)


@pytest.mark.parametrize(
    "text", ["us-" * 20_000, "aB" * 30_000, "東" * 60_000, "é" + "\u0301" * 60_000, "1," * 30_000]
)
def test_work_is_linear_in_a_hostile_text(monkeypatch, text):
    patterns = {name: CountingPattern(getattr(analysis, name)) for name in ("_PART", "_HUMP")}
    for name, pattern in patterns.items():
        monkeypatch.setattr(analysis, name, pattern)
    found = terms(text)
    assert len(found) <= 2 * len(text)
    assert sum(map(len, found)) <= 4 * len(text)
    assert sum(one.looked_at for one in patterns.values()) <= 2 * len(text)


@pytest.mark.parametrize("letter", ["1", "क", ""])
def test_marks_that_stay_cost_no_more_than_marks_that_go(letter):
    """Some ten times at most; looked back over from each, 20,000 of them took 400 times as much."""

    def cpu_s(text):
        began = time.process_time()
        terms(text)
        return time.process_time() - began

    marks = "\u0301" * 20_000
    assert min(cpu_s(letter + marks) for _ in range(2)) < 100 * cpu_s("e" + marks)


def test_a_mark_goes_with_a_letter_of_these_scripts_alone():
    assert terms("e\u0301\u0308 ש\u05bc\u05b8") == ["e", "ש"]
    assert "\u05b0\u0483" in "".join(terms("ก\u05b0\u0483"))
