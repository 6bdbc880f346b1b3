"""Follow-ups: what was meant by them, judged by words."""

import json
from pathlib import Path

import pytest

import agents
from agents.conversation.exchanges import Exchange
from agents.conversation.resolution import stand_alone
from tests.agents.conversation.follow_ups import FOLLOW_UPS, LATER, FollowUp

CONFIGURATION = json.loads(
    (Path(agents.__file__).parent / "configuration/rewrite.json").read_text()
)


@pytest.mark.parametrize("follow_up", [*FOLLOW_UPS, *LATER], ids=lambda one: one.question)
def test_a_follow_up_becomes_a_query_that_says_what_was_meant(follow_up):
    exchanges = [Exchange(query, answer) for query, answer in follow_up.turns]
    query = stand_alone(follow_up.question, exchanges, CONFIGURATION, sharper=True).query
    assert follow_up.right(query), query


@pytest.mark.parametrize(
    ("query", "right"),
    [
        ("When does the Fuel Pier close?", True),
        ("When does it close?", False),
        ("When does the fuel pier close (booms)?", False),
    ],
)
def test_a_query_is_judged_by_what_it_holds_and_lacks(query, right):
    assert FollowUp((), "", "fuel_pier close|shut", "booms").right(query) is right
