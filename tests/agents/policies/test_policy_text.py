"""The text of a policy, taken apart: bounded before the engine sees it, each token with its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.policies.policy_text import (
    CHARACTERS_MAX,
    LEVELS_MAX,
    RULE_TOKENS_MAX,
    RULES_MAX,
    PolicyFault,
    policy_text,
)

RULE = "permit(principal, action, resource);"
WHEN = "permit(principal, action, resource) when { %s };"


def refused(text):
    with pytest.raises(PolicyFault) as raised:
        policy_text(text)
    return str(raised.value)


def test_rules_end_at_semicolons_and_not_within_texts_and_comments():
    text = '// a; comment "\n@id("x;\\";")\n' + RULE + RULE
    taken = policy_text(text)
    assert len(taken.rules) == 2
    assert taken.source(0) == '@id("x;\\";")\n' + RULE
    assert taken.place(taken.rules[1][0].begin) == f"line 3, column {len(RULE) + 1}"


@given(st.text(alphabet='ab1 \n"\\/;:=&|(){}.,é\u2028', max_size=60))
def test_every_character_outside_blanks_and_comments_is_of_one_token(text):
    try:
        taken = policy_text(text)
    except PolicyFault as error:
        assert "does not end" in str(error)  # noqa: PT017 - the others are refused for their size
        return
    covered = sorted(
        at for rule in taken.rules for token in rule for at in range(token.begin, token.end)
    )
    assert len(covered) == len(set(covered))
    left = "".join(character for at, character in enumerate(text) if at not in set(covered))
    assert all(line.strip() == "" or line.strip().startswith("//") for line in left.split("\n"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (RULE + '\n"', "line 2, column 1: the text that begins there does not end"),
        ("x" * (CHARACTERS_MAX + 1), f"at most {CHARACTERS_MAX}"),
        (RULE * (RULES_MAX + 1), f"{RULES_MAX + 1} rules, at most {RULES_MAX}"),
        (WHEN % "&& true " * 1 + RULE + WHEN % ("&& true" * RULE_TOKENS_MAX), "tokens, at most"),
        (WHEN % ("(" * LEVELS_MAX), "nests more than"),
        (WHEN % ("if true then " * (LEVELS_MAX + 1)), "nests more than"),
        (WHEN % ("[{(" * 100_000), "characters, at most"),
    ],
)  # fmt: skip
def test_what_the_engines_stack_would_not_hold_is_refused_first(text, says):
    assert says in refused(text)


def test_the_largest_that_is_taken_is_taken():
    deep = WHEN % ("(" * (LEVELS_MAX - 1) + "true" + ")" * (LEVELS_MAX - 1))
    assert len(policy_text(deep + RULE * (RULES_MAX - 1)).rules) == RULES_MAX


def test_a_text_without_an_end_ends_the_reading():
    """Reading on would look for the end from each further quotation mark."""
    assert refused('"' + '\\"' * 90_000).startswith("line 1, column 1: ")
