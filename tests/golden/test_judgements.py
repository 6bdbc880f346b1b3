"""Judgements are kept: who is interrupted goes on, and another tree is judged anew."""

import json
from typing import ClassVar

import pytest

from tests.golden import mutants as command
from tests.golden.judgements import Judgements, digest_of_tree
from tests.golden.mutant_runs import BY_TESTS, BY_VERIFY, SURVIVED, UNDECIDED, Judged
from tests.golden.mutations import Mutant

ONE, OTHER = (
    Mutant("agents/x.py", 7, "a < b", after, f"source {after}", 0) for after in ("a <= b", "a > b")
)


def test_a_judgement_is_found_again_and_one_of_another_tree_is_not(tmp_path):
    kept = tmp_path / "not yet there" / "mutants.jsonl"
    Judgements(kept, "tree").keep(Judged(ONE, BY_TESTS, "FAILED test_x"))
    again = Judgements(kept, "tree")
    assert again.of(ONE) == Judged(ONE, BY_TESTS, "FAILED test_x")
    assert again.of(OTHER) is None
    assert Judgements(kept, "another").of(ONE) is None
    again.keep(Judged(OTHER, UNDECIDED, "the disk is full"))
    assert Judgements(kept, "tree").of(OTHER) is None


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_line_that_broke_off_is_left_out_and_spoils_no_other(tmp_path, end):
    kept = tmp_path / "mutants.jsonl"
    Judgements(kept, "tree").keep(Judged(ONE, BY_VERIFY, ""))
    kept.write_text(kept.read_text() + '{"tree": "tre' + end)
    Judgements(kept, "tree").keep(Judged(OTHER, SURVIVED, ""))
    again = Judgements(kept, "tree")
    assert again.of(ONE) == Judged(ONE, BY_VERIFY, "")
    assert again.of(OTHER) == Judged(OTHER, SURVIVED, "")


def test_a_tree_has_another_name_when_what_judges_changes(tmp_path):
    for name in ("agents", "tests/agents", "tests/golden/present", "docs"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "uv.lock").write_text("")
    names = {digest_of_tree(tmp_path)}
    for file in (
        "agents/a.py",
        "tests/agents/test_a.py",
        "tests/fakes.py",
        "tests/golden/present/log.tar.xz",
        "uv.lock",
    ):
        (tmp_path / file).write_text("1")
        names.add(digest_of_tree(tmp_path))
        (tmp_path / file).write_text("2")
        names.add(digest_of_tree(tmp_path))
    assert len(names) == 11
    before = digest_of_tree(tmp_path)
    (tmp_path / "docs" / "page.md").write_text("nothing rests on it")
    assert digest_of_tree(tmp_path) == before


class JudgeOfAll:
    """Notices everything, and tells what it was asked."""

    asked: ClassVar[list[Mutant]] = []

    def __init__(self, logs, tests) -> None:
        self._tests = tests

    def prepare(self, _kept) -> None: ...

    def judge(self, mutants, processes):
        for mutant in mutants:
            self.asked.append(mutant)
            yield Judged(mutant, BY_VERIFY if mutant is ONE else SURVIVED, "")


def test_only_what_was_not_judged_is_judged(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "MutantJudge", JudgeOfAll)
    monkeypatch.setattr(command, "copies", lambda _: [])
    monkeypatch.setattr(JudgeOfAll, "asked", [])
    kept = tmp_path / "mutants.jsonl"

    def judged(*mutants, tests):
        known = Judgements(kept, "tree")
        return list(command.judged_of(mutants, known, 1, tests=tests))

    judged(ONE, OTHER, tests=False)
    assert [json.loads(line)["by"] for line in kept.read_text().splitlines()] == [BY_VERIFY]
    assert [one.by for one in judged(ONE, OTHER, tests=True)] == [BY_VERIFY, SURVIVED]
    assert JudgeOfAll.asked == [ONE, OTHER, OTHER]
    judged(ONE, OTHER, tests=True)
    assert JudgeOfAll.asked == [ONE, OTHER, OTHER]
