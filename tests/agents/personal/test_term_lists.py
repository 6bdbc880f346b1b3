"""Lists of what is never and always replaced."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from agents.personal.folding import apart
from agents.personal.term_lists import (
    ALLOWED,
    KEPT_MAX,
    NO_LISTS,
    TermLists,
    joined,
    lists_of,
    outside,
)
from agents.spans import Mention

DIGEST = "0123456789abcdef" * 4


def test_what_is_denied_and_allowed_is_found_by_texts_and_patterns():
    lists = TermLists(
        {"texts": ["Lambda"], "patterns": ["PX-[0-9]{4}"]},
        {"PROJECT": {"texts": ["Blue Heron"]}, "CUSTOMER": {"patterns": ["KD-[0-9]{6}"]}},
    )
    text = "lambda of KD-123456 for blue heron, PX-1234"
    assert [text[a:b] for a, b in lists.allowed(text)] == ["lambda", "PX-1234"]
    assert [(one.of(text), one.kind) for one in lists.denied(text)] == [
        ("KD-123456", "CUSTOMER"),
        ("blue heron", "PROJECT"),
    ]


def test_what_overlaps_is_joined_and_the_longest_names_the_kind():
    mentions = [Mention(0, 3, "A"), Mention(2, 9, "B"), Mention(9, 10, "C"), Mention(4, 5, "D")]
    assert joined(mentions) == (Mention(0, 9, "B"), Mention(9, 10, "C"))
    assert joined([Mention(0, 3, "A"), Mention(0, 3, "B")]) == (Mention(0, 3, "A"),)


SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 8)), max_size=8)


@given(SPANS)
def test_joined_mentions_are_apart_and_cover_the_same(spans):
    mentions = [Mention(start, start + length, "K") for start, length in spans]
    result = joined(mentions)
    assert all(one.end <= other.start for one, other in pairwise(result))
    covered = {at for one in mentions for at in range(one.start, one.end)}
    assert {at for one in result for at in range(one.start, one.end)} == covered


@given(SPANS, SPANS)
def test_only_mentions_within_a_stretch_are_left_out(spans, stretches):
    mentions = [Mention(start, start + length, "K") for start, length in spans]
    stays = apart([(start, start + length) for start, length in stretches])
    within = [m for m in mentions if any(a <= m.start and m.end <= b for a, b in stays)]
    assert [m for m in mentions if m not in within] == list(outside(mentions, stays))


def test_a_digest_is_known_by_its_beginning_and_held_to_all_of_it():
    lists = TermLists({"digests": [DIGEST[:24]]}, {"PERSON": {"digests": ["f" * 30]}})
    assert lists.by_digest
    assert lists.kind_of_digest(DIGEST) == ALLOWED
    assert lists.kind_of_digest("f" * 64) == "PERSON"
    assert lists.kind_of_digest("f" * 29 + "0" * 35) is None
    assert lists.kind_of_digest("0" * 64) is None
    assert not NO_LISTS.by_digest


def test_a_digest_that_is_denied_is_denied_where_it_is_allowed_too_by_the_first_kind():
    lists = TermLists(
        {"digests": [DIGEST]}, {"A": {"digests": [DIGEST]}, "B": {"digests": [DIGEST]}}
    )
    assert lists.kind_of_digest(DIGEST) == "A"


def test_lists_are_compiled_once_for_a_configuration_and_not_taken_for_those_of_another():
    policies = [{"allow": {"texts": [f"t{n}"]}} for n in range(2 * KEPT_MAX)]
    for policy in policies:
        lists = lists_of(policy)
        assert lists is lists_of({**policy, "kinds": {}})
        assert lists.allowed(policy["allow"]["texts"][0])
    assert lists_of({}) is lists_of({"allow": None, "deny": {}}) is NO_LISTS
