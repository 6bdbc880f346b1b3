"""Changes of behaviour: which code has which, and what must be done with old rules."""

import re
from itertools import pairwise

import pytest

from agents import changes
from agents.changes import CHANGES, OLDEST, RuleChange, has, is_before
from streams.topics import STEPS, TOPICS
from streams.version import CODE

ORDER = ["0", "0.1.0.dev3", "0.1.0", "0.1.1", "0.2.0.dev1", "0.2.0.dev2", "0.2.0.dev10", "0.2.0", "0.10", "1.0.dev0", "1"]  # fmt: skip
CHANGE = RuleChange("it does", since="0.2.0.dev2", before="it did not", kept_until="3")


def test_versions_are_ordered_as_pep_440_orders_them():
    for one, other in pairwise(ORDER):
        assert is_before(one, other)
        assert not is_before(other, one)


@pytest.mark.parametrize(
    ("one", "other"), [("1", "1.0.0"), ("0.2.0+local", "0.2.0"), ("0+unknown", "0")]
)
def test_some_spellings_are_one_version(one, other):
    assert not is_before(one, other)
    assert not is_before(other, one)


@pytest.mark.parametrize(
    "text",
    ["", "test", "1.x", "v1", "1.0rc1", "1..0", "9" * 5_000, "1.dev" + "9" * 5_000, "\u0661.0"],
    ids=lambda text: text[:8],
)
def test_what_is_no_version_is_neither_older_nor_newer(text):
    assert not any(is_before(text, version) or is_before(version, text) for version in ORDER)
    assert has(text, CHANGE)


@pytest.mark.parametrize(
    ("code", "in_force"),
    [("0.1.0", False), ("0.2.0.dev1", False), ("0.2.0.dev2", True), ("0.2.0", True)],
)
def test_a_change_is_in_force_since_its_version(code, in_force):
    assert has(code, CHANGE) is in_force


def test_the_code_of_today_has_every_change_and_keeps_no_rule_that_may_go():
    for change in CHANGES:
        assert has(CODE, change), (
            f"{change.name}: raise CODE in streams/version.py to {change.since}"
        )
        assert is_before(CODE, change.kept_until), f"{change.name}: its old rule may be removed"
        assert is_before(OLDEST, change.since)


def test_every_change_is_declared_once_and_listed():
    declared = [value for value in vars(changes).values() if isinstance(value, RuleChange)]
    assert declared == list(CHANGES)
    assert len({change.name for change in CHANGES}) == len(CHANGES)
    assert all(re.fullmatch(r"[^A-Z].{10,}[^.]", change.name) for change in CHANGES)


def test_a_step_or_topic_is_since_a_version_that_there_was():
    for entry in (*STEPS, *TOPICS):
        assert not is_before(CODE, entry.since)
        assert not is_before(entry.since, OLDEST)
