"""The conversations, over documents of this machine."""

from collections import Counter

import pytest

from bench.quality.conversations import (
    ABSENT,
    FACT,
    FOLLOW_UP,
    PACKAGES,
    SMALL_TALK,
    TALKS,
    machine_documents,
)

TURNS = [turn for talk in TALKS for turn in talk.turns]


@pytest.fixture(scope="module")
def documents():
    return machine_documents()


def test_there_are_forty_conversations_of_all_kinds():
    assert len(TALKS) == 40
    kinds = Counter(turn.kind for turn in TURNS)
    assert kinds[FOLLOW_UP] >= 19
    assert min(kinds[kind] for kind in (FACT, SMALL_TALK, ABSENT)) >= 4
    assert len({(turn.kind, turn.text) for turn in TURNS}) >= len(TURNS) - 1


def test_a_follow_up_follows():
    assert all(talk.turns[0].kind != FOLLOW_UP for talk in TALKS)


def test_documents_of_packages_are_there_wherever_the_project_is_installed(documents):
    names = {one.name for one in documents}
    assert {*PACKAGES, "pathspec-licence"} <= names
    assert all(one.text.strip() for one in documents)
    kinds = {one.name: one.media_type for one in documents}
    assert (kinds["attrs"], kinds["pytest-timeout"]) == ("text/markdown", "text/plain")


def test_a_manual_is_laid_out_where_there_is_one(documents):
    for one in documents:
        if one.name == "timeout(1)":
            assert "run a command with a time limit" in one.text
            assert ".TH" not in one.text


def test_each_right_answer_stands_in_the_documents(documents):
    held = " ".join(" ".join(one.text.split()) for one in documents).casefold()
    names = {one.name.partition("(")[0] for one in documents}
    for talk in TALKS:
        if talk.needs and talk.needs not in names:
            continue
        for turn in talk.turns:
            assert bool(turn.groups) is (turn.kind != ABSENT)
            for group in turn.groups if turn.kind in {FACT, FOLLOW_UP} else ():
                assert any(spelling.casefold() in held for spelling in group), (turn.text, group)
