"""The rules that the how-to shows can be decided by, and contradict nothing."""

import re
from pathlib import Path

import pytest

from agents.policies.contradictions import contradictions
from agents.policies.placed_faults import hold_valid
from agents.policies.policy_schema import ACTIONS, SCHEMA

PAGE = (Path(__file__).parents[2] / "docs/how-to/policies.md").read_text()
SHOWN = re.findall(r"^```cedar[^\n]*\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("rules", SHOWN)
def test_rules_that_are_shown_can_be_decided_by(rules):
    hold_valid(rules)
    assert contradictions(rules) == []


def test_every_action_and_entity_has_its_row_and_an_example():
    assert len(SHOWN) == 2
    for action in ACTIONS:
        assert f"| `{action}` |" in PAGE
        assert f'Action::"{action}"' in "".join(SHOWN)
    for entity in re.findall(r"^entity (\w+)", SCHEMA, re.MULTILINE):
        assert f"| `{entity}` |" in PAGE
