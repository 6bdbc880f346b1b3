"""Texts that the detector does not read."""

import pytest

from agents.personal.foreign_texts import (
    language_told,
    masked_more,
    otherwise,
    refuses,
    reported_by,
    unsupported_in,
)
from schemas import Detected

GERMAN = "Der Vertrag mit Anna Schmidt ist am Montag in der Stadt zu unterschreiben."
JAPANESE = "佐藤花さんが案内します。"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (GERMAN, "de"),
        (JAPANESE, "ja"),
        ("What does the contract with Anna say?", "en"),
        ("The hotel of 佐藤花 in the old town is on the map.", "en"),
        ("佐藤花さんがKafkaを案内しますと言いました", "ja"),
        ("Anna Schmidt 4711", ""),
        ("", ""),
    ],
)
def test_a_language_is_told_by_what_most_letters_belong_to(text, language):
    assert language_told(text) == language


def policy(rule, *supported):
    return {"languages": {"supported": list(supported), "otherwise": rule}}


def test_only_languages_that_nobody_supports_are_told():
    texts = (GERMAN, "What is the contract?", "4711")
    assert unsupported_in(texts, policy("accept", "en")) == ("de", "", "")
    assert unsupported_in(texts, policy("accept", "en", "de")) == ("", "", "")
    assert unsupported_in(texts, {}) == ("", "", "")
    for nothing in ({}, {"languages": None}):
        assert otherwise(nothing) == "accept"


def test_what_a_detector_reports_counts_unless_the_policy_supports_it():
    detected = Detected(texts=(), model="", languages_unsupported=("de", "fr"))
    assert reported_by(detected, policy("accept", "en", "fr")) == ("de",)
    assert reported_by(detected, {}) == ()


@pytest.mark.parametrize(
    ("rule", "languages", "refused"),
    [
        ("refuse", ("de",), True),
        ("refuse", (), False),
        ("mask_more", ("de",), False),
        ("mask_more", ("de", "ja"), True),
        ("accept", ("ja",), False),
    ],
)
def test_a_script_without_capitals_can_only_be_refused(rule, languages, refused):
    assert refuses(languages, policy(rule, "en")) is refused


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (GERMAN, ["Der Vertrag", "Anna Schmidt", "Montag", "Stadt"]),
        ("mail an x7@y oder a1 und 42", ["x7@y", "a1"]),
        ("Jean-Luc d'Arc o'Neil", ["Jean-Luc", "Arc", "Neil"]),
        ("nichts davon", []),
        ("Éva ß Ömer", ["Éva", "Ömer"]),
        ("Anna\nBob", ["Anna", "Bob"]),
    ],
)
def test_more_is_masked_by_capitals_and_digits(text, masked):
    mentions = masked_more(text)
    assert [one.of(text) for one in mentions] == masked
    assert all(one.kind == "UNKNOWN" for one in mentions)
