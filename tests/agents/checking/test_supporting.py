"""Supporting: statements against sentences of sources."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.checking.supporting import check, differ


def outcome(statement, *sources, **known):
    found = check(statement, sources, **known)
    return found.outcome, found.reasons


@pytest.mark.parametrize(
    ("statement", "source"),
    [
        ("The limit is 5 GB.", "The limit is 5,000 MB."),
        ("It opened on 12 May 2024.", "It opened on 2024-05-12."),
        ("It opened in 2024.", "It opened on 12 May 2024."),
        ("You may restart the server.", "You must restart the server."),
        ("Sales increased by 5 %.", "Sales rose by five percent."),
        ("The server never restarts.", "The server does not restart."),
        ("Backups run daily if the disk is empty.", "If the disk is empty, backups run daily."),
        ("No more than 5 users can log in.", "Up to 5 users can log in."),
        ("Admins can delete files.", "Only admins can delete files."),
        ("The driver is not unstable.", "The driver is stable."),
        ("<PERSON_1> runs the shop.", "The shop is run by <PERSON_1>."),
        ("5 GB.", "The limit is 5 GB."),
        ("12 May.", "It opens on 12 May 2024."),
        ("東京は首都です。", "東京は日本の首都です。"),
    ],
)
def test_what_a_source_says_in_other_words_is_supported(statement, source):
    assert outcome(statement, source) == ("supported", ())


@pytest.mark.parametrize(
    ("statement", "source", "reason"),
    [
        ("The lake is not the largest.", "The lake is the largest.", "polarity"),
        ("Guests may enter without a guide.", "Guests may never enter without a guide.", "polarity"),
        ("No, guests are allowed to enter without a guide.",
         "Guests may never enter without a guide.", "polarity"),
        ("The server restarts.", "The server doesn't restart.", "polarity"),
        ("The job fails to start on Linux.", "The job will start on Linux.", "polarity"),
        ("Deleting is reversible.", "Deleting is irreversible.", "polarity"),
        ("Der Server startet nicht.", "Der Server startet.", "polarity"),
        ("Le musée ouvre le lundi.", "Le musée n'ouvre jamais le lundi.", "polarity"),
        ("El museo no abre los lunes.", "El museo abre los lunes.", "polarity"),
        ("Sales of tea rose in spring.", "Sales of tea fell in spring.", "direction"),
        ("The cache is enabled by default.", "The cache is disabled by default.", "direction"),
        ("The minimum length is 8 signs.", "The maximum length is 8 signs.", "direction"),
        ("Close it before the test starts.", "Close it after the test starts.", "direction"),
        ("The shop is open on Monday.", "The shop is open on Tuesday.", "direction"),
        ("The limit is 5 GB.", "The limit is 5 GiB.", "number"),
        ("The default port is 8080.", "The default port is 8081.", "number"),
        ("It takes at least 5 minutes to build.", "It takes up to 5 minutes to build.", "number"),
        ("There are 5 users and 10 admins.", "There are 10 users and 5 admins.", "number"),
        ("It opened on 12 May 2024.", "It opened on 13 May 2024.", "date"),
        ("The offer runs until 5 May.", "The offer runs from 5 May.", "date"),
        ("You may restart the server.", "You must not restart the server.", "modality"),
        ("Backups run if the disk is full.", "Backups run unless the disk is full.", "condition"),
    ],
)  # fmt: skip
def test_what_a_source_says_otherwise_is_contradicted(statement, source, reason):
    found = check(statement, [source])
    assert found.outcome == "contradicted"
    assert reason in found.reasons


@pytest.mark.parametrize(
    ("statement", "source", "reason"),
    [
        ("All users can log in.", "Some users can log in.", "lacks_quantifier"),
        ("Users can log in.", "Some users can log in.", "lacks_quantifier"),
        ("Only admins can delete files.", "Admins can delete files.", "lacks_quantifier"),
        ("You must restart the server.", "You may restart the server.", "lacks_modality"),
        ("The disk fails after the test.", "The disk might fail after the test.", "lacks_modality"),
        ("Backups run daily.", "Backups run daily unless the disk is full.", "lacks_condition"),
        ("Backups run daily if asked for.", "Backups run daily.", "lacks_condition"),
        ("The server has 5 disks.", "The server has disks.", "lacks_number"),
        ("It opened on 12 May 2024.", "It opened in May 2024.", "lacks_date"),
        ("The tool writes a Parquet file.", "The tool writes a file.", "lacks_name"),
        ("The tool is fast.", "It is unknown whether the tool is fast.", "lacks_assertion"),
        ("The tool is fast.", "Is the tool fast?", "lacks_assertion"),
        ("The tool never asks.", "The tool is fast, and it asks.", "polarity"),
        ("The tool needs a compiler and a debugger.", "The tool is here.", "words"),
        ("The tool is fast.", "", "words"),
    ],
)
def test_what_a_source_does_not_say_is_not_supported(statement, source, reason):
    found = check(statement, [source])
    assert found.outcome != "supported"
    assert reason in found.reasons


def test_what_the_question_gave_counts_as_held():
    statement, source = "The Atlas pump needs 5 litres.", "It needs 5 litres."
    assert outcome(statement, source)[0] == "not_supported"
    assert outcome(statement, source, given="How much does the Atlas pump need?") == (
        "supported",
        (),
    )


def test_two_sentences_in_a_row_support_together_but_not_across_passages():
    statement = "The pump was built in Oslo and weighs two tonnes."
    sources = ["The pump was built in Oslo.", "It weighs 2 tonnes."]
    assert check(statement, sources).sources == (0, 1)
    assert outcome(statement, *sources) == ("supported", ())
    assert outcome(statement, sources[0], "", sources[1])[0] == "not_supported"


def test_one_source_that_says_it_is_enough_beside_one_that_does_not():
    says, denies = "The tool is fast on Linux.", "The tool is not fast on Linux."
    assert check(says, [denies, says]).sources == (1,)
    assert outcome(says, denies, says) == ("supported", ())


WEIGHTS = {"bias": -1.0, "share": 4.0, "against_polarity": -3.0}


def test_the_score_is_the_head_s_and_rounded():
    held = check("The lake is wide.", ["The lake is wide."], weights=WEIGHTS)
    turned = check("The lake is not wide.", ["The lake is wide."], weights=WEIGHTS)
    assert (held.score, turned.score) == (0.952574, 0.5)
    assert check("The lake is wide.", [], weights={**WEIGHTS, "bias": -99.0}).score == 0.0


@pytest.mark.parametrize(
    ("one", "other", "reasons"),
    [
        ("The limit is 5 GB.", "The limit is 10 GB.", ("number",)),
        ("The pool opens on 1 May 2024.", "The pool opens on 2 May 2024.", ("date",)),
        ("Dogs are allowed.", "Dogs are not allowed.", ("polarity", "direction")),
        ("The limit is 5 GB.", "The limit is 5000 MB.", ()),
        ("The limit is 5 GB.", "The limit is at least 5 GB.", ()),
        ("Dogs are allowed.", "Cats never sleep in 3 of the baskets.", ()),
    ],
)
def test_sentences_about_the_same_thing_differ_by_what_they_say(one, other, reasons):
    assert differ(one, other) == reasons
    assert differ(other, one) == reasons


NOUNS = st.sampled_from(
    ["server", "museum", "worker", "budget", "forest", "<PERSON_1>", "Oslo", "GPU"]
)
ADJECTIVES = st.sampled_from(
    ["stable", "red", "independent", "open", "larger", "enabled", "common"]
)
VERBS = st.sampled_from(["restarts", "increases", "opens", "contains", "prevents", "accepts"])
SENTENCES = st.one_of(
    st.builds("The {} is {}.".format, NOUNS, ADJECTIVES),
    st.builds("The {} must be {} if the {} is {}.".format, NOUNS, ADJECTIVES, NOUNS, ADJECTIVES),
    st.builds("Some {}s {} the {}.".format, NOUNS, VERBS, NOUNS),
)
ANYTHING = st.lists(
    st.sampled_from(
        [
            "the",
            "The",
            "not",
            "never",
            "no",
            "without",
            "fails",
            "only",
            "all",
            "some",
            "must",
            "may",
            "if",
            "unless",
            "but",
            ",",
            ".",
            "5",
            "1,000",
            "GB",
            "%",
            "12",
            "May",
            "2024",
            "server",
            "Oslo",
            "increases",
            "less",
            "before",
            "unstable",
            "stable",
            "don't",
            "ne",
            "pas",
            "nicht",
            "sin",
            "<A_1>",
        ]
    ),
    max_size=25,
).map(" ".join)


@given(ANYTHING | st.text(max_size=60) | SENTENCES)
def test_every_sentence_supports_itself(sentence):
    assert outcome(sentence, sentence) == ("supported", ())
    assert differ(sentence, sentence) == ()


@given(st.builds("The {} is {}.".format, NOUNS, ADJECTIVES))
def test_a_negated_sentence_is_never_supported_by_itself_without_the_negation(sentence):
    negated = sentence.replace(" is ", " is not ")
    assert outcome(negated, sentence)[0] == "contradicted"
    assert outcome(sentence, negated)[0] == "contradicted"


@given(
    st.sampled_from([" days", " GB", "", " %", " users"]),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
)
def test_a_sentence_with_another_number_is_never_supported(unit, number, other):
    sentence = f"The server holds {number}{unit} of the budget."
    changed = re.sub(r"\d+", str(other), sentence)
    assert (outcome(changed, sentence)[0] == "supported") == (number == other)


@given(ANYTHING, st.lists(ANYTHING, max_size=4))
def test_what_is_supported_has_no_reason_against_it(statement, sources):
    found = check(statement, sources)
    assert (found.outcome == "supported") == (not found.reasons)
    assert 0.0 <= found.share <= 1.0
    assert all(0 <= index < len(sources) for index in found.sources)
