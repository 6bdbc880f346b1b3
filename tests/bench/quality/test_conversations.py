"""The conversations, over documents of this machine."""

from collections import Counter

import pytest

from bench.quality.conversations import (
    ABSENT,
    FACT,
    FIRST,
    FOLLOW_UP,
    FOURTH,
    SECOND,
    SMALL_TALK,
    THIRD,
    machine_documents,
)
from bench.quality.natural_questions import MANUAL, NATURAL, QUESTIONS

SETS = {chosen.name: chosen for chosen in (FIRST, SECOND, THIRD, FOURTH)}


@pytest.fixture(scope="module")
def documents():
    return {name: machine_documents(chosen) for name, chosen in SETS.items()}


@pytest.mark.parametrize(
    ("chosen", "count", "follow_ups", "least"),
    [(FIRST, 40, 19, 4), (SECOND, 20, 16, 2), (THIRD, 20, 10, 2), (FOURTH, 10, 14, 1)],
)
def test_there_are_conversations_of_all_kinds(chosen, count, follow_ups, least):
    assert len(chosen.talks) == count
    turns = [turn for talk in chosen.talks for turn in talk.turns]
    kinds = Counter(turn.kind for turn in turns)
    assert kinds[FOLLOW_UP] >= follow_ups
    assert min(kinds[kind] for kind in (FACT, SMALL_TALK, ABSENT)) >= least
    assert len({(turn.kind, turn.text) for turn in turns}) >= len(turns) - 1


def test_sets_share_no_question_and_no_document(documents):
    texts = [turn.text for chosen in SETS.values() for talk in chosen.talks for turn in talk.turns]
    assert len(set(texts)) == len(texts)
    names = [one.name for found in documents.values() for one in found]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("chosen", SETS.values())
def test_a_follow_up_follows(chosen):
    assert all(talk.turns[0].kind != FOLLOW_UP for talk in chosen.talks)


@pytest.mark.parametrize(
    ("chosen", "kinds"),
    [
        (FIRST, {"attrs": "text/markdown", "pytest-timeout": "text/plain"}),
        (SECOND, {"orjson": "text/markdown", "psutil": "text/plain"}),
    ],
)
def test_documents_of_packages_are_there_wherever_the_project_is_installed(
    documents, chosen, kinds
):
    found = {one.name: one.media_type for one in documents[chosen.name]}
    assert {*chosen.packages, f"{chosen.licence[0]}-licence"} <= set(found)
    assert all(one.text.strip() for one in documents[chosen.name])
    assert kinds.items() <= found.items()


def test_a_manual_is_laid_out_where_there_is_one(documents):
    for one in documents[FIRST.name]:
        if one.name == "timeout(1)":
            assert "run a command with a time limit" in one.text
            assert ".TH" not in one.text


@pytest.mark.parametrize("chosen", SETS.values())
def test_each_right_answer_stands_in_the_documents(documents, chosen):
    found = documents[chosen.name]
    held = " ".join(" ".join(one.text.split()) for one in found).casefold()
    names = {one.name.partition("(")[0] for one in found}
    for talk in chosen.talks:
        if talk.needs and talk.needs not in names:
            continue
        for turn in talk.turns:
            assert bool(turn.groups) is (turn.kind != ABSENT)
            for group in turn.groups if turn.kind in {FACT, FOLLOW_UP} else ():
                assert any(spelling.casefold() in held for spelling in group), (turn.text, group)


# ---------------------------------------------------------------------- single questions


def test_a_single_question_is_a_conversation_of_one_turn():
    assert len(NATURAL.talks) == len(QUESTIONS) == 50
    for talk, asked in zip(NATURAL.talks, QUESTIONS, strict=True):
        [turn] = talk.turns
        assert (turn.text, turn.groups, turn.wrong) == (asked.text, asked.groups, asked.wrong)
        assert turn.kind == (FACT if asked.groups else ABSENT)
        assert talk.needs == (MANUAL if asked.manual else "")


def test_single_questions_have_documents_and_one_that_needs_the_manual():
    names = {one.name for one in machine_documents(NATURAL)}
    assert {"orjson", "psutil", "cryptography-licence"} <= names
    assert NATURAL.manuals == (MANUAL,)
    assert any(talk.needs for talk in NATURAL.talks)
