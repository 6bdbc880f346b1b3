"""Rules that can never decide are told before they come into force."""

import pytest

from agents.policies.contradictions import contradictions
from tests.agents.policies.policies import HIDING, OPEN, RESIDENT, SENDING

FORBID = '@id("none")\nforbid(principal%s, action == Action::"read", resource)%s;\n'
LEGAL = ' when { principal in Group::"acme/legal" }'


@pytest.mark.parametrize("text", ["", HIDING, RESIDENT, SENDING, OPEN + FORBID % ("", LEGAL)])
def test_a_policy_that_decides_has_none(text):
    assert contradictions(text) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (OPEN + FORBID % ("", ""), "'all may read' never permits anything, since 'none'"),
        (FORBID % ("", LEGAL), "read: no rule permits it, so all of it is denied"),
        (
            f'@id("legal") permit(principal, action == Action::"read", resource){LEGAL};'
            + FORBID % ("", LEGAL),
            "'legal' never permits anything",
        ),
        (
            '@id("one") permit(principal == User::"u", action == Action::"read", resource);'
            + FORBID % (' == User::"u"', ""),
            "'one' never permits anything",
        ),
        (
            (
                '@id("all") permit(principal, action == Action::"read", resource);'
                '@id("off") forbid(principal, action, resource);'
            ),
            "send: no rule permits it",
        ),
    ],
)
def test_what_can_never_decide_is_told(text, says):
    assert any(says in told for told in contradictions(text))


def test_what_is_narrower_wins_over_nothing():
    of_one = '@id("u") forbid(principal == User::"u", action == Action::"read", resource);'
    assert contradictions(OPEN + of_one) == []
