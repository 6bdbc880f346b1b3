"""Numbering: highest numbers, reading order, what is remembered and what is cut out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.known_values import Reading
from agents.numbering import Numbering, excise, remembered
from agents.placeholders import canonical, derived, is_derived, number_of, placeholder
from agents.spans import Mention
from schemas import Numbered


def numbered(kind, number, digest):
    return Numbered(placeholder=placeholder(kind, number), kind=kind, digest=digest)


def mentioning(text, *values):
    """The mentions of a text: (value, kind) in reading order."""
    mentions, at = [], 0
    for value, kind in values:
        start = text.index(value, at)
        at = start + len(value)
        mentions.append(Mention(start, at, kind))
    return tuple(mentions)


def a_reading(text, *values):
    return Reading((text,), (mentioning(text, *values),), {}, typed=True)


def digests_of(*values):
    return {canonical(value): f"digest of {canonical(value)}" for value in values}


def test_new_values_are_numbered_by_kind_in_reading_order():
    reading = a_reading("Bob, 36, Ada, bob", ("Bob", "P"), ("36", "A"), ("Ada", "P"), ("bob", "P"))
    numbering = Numbering.extended((), reading, digests_of("Ada", "Bob", "36"))
    assert [entry.placeholder for entry in numbering.added] == ["<P_1>", "<A_1>", "<P_2>"]


def test_a_new_number_is_above_the_highest_in_whatever_order_they_are_remembered():
    earlier = (numbered("P", 7, "x"), numbered("P", 3, "y"), numbered("A", 9, "z"))
    numbering = Numbering.extended(earlier, a_reading("Ada", ("Ada", "P")), digests_of("Ada"))
    assert [entry.placeholder for entry in numbering.added] == ["<P_8>"]


def test_a_known_value_keeps_its_number_and_its_kind():
    earlier = (numbered("P", 2, "digest of ada"),)
    numbering = Numbering.extended(earlier, a_reading("ADA", ("ADA", "X")), digests_of("Ada"))
    assert numbering.added == ()
    assert numbering.entries["digest of ada"] == earlier[0]


def test_a_text_is_cut_and_its_first_spelling_kept():
    text = "Ada <A_1> ADA <_A_1>"
    reading = a_reading(text, ("Ada", "P"), ("ADA", "P"))
    digests = digests_of("Ada")
    numbering = Numbering.extended((), reading, digests)
    excised = excise(text, reading.mentions[0], numbering, digests)
    assert excised.text == "<P_1> <_A_1> <P_1> <__A_1>"
    assert {name: value for name, (_, value) in excised.values.items()} == {"<P_1>": "Ada"}


def test_a_text_without_values_is_only_escaped():
    excised = excise("<A_1> and <b>", (), Numbering({}, (), ()), {})
    assert (excised.text, dict(excised.values)) == ("<_A_1> and <b>", {})


@pytest.mark.parametrize(
    ("entries_max", "names"),
    [
        (0, ["<A_1>", "<B_3>"]),
        (1, ["<A_1>", "<B_3>"]),
        (2, ["<A_1>", "<B_2>", "<B_3>"]),
        (4, ["<A_1>", "<B_1>", "<B_2>", "<B_3>"]),
        (9, ["<A_1>", "<B_1>", "<B_2>", "<B_3>"]),
    ],
)
def test_forgetting_keeps_the_number_of_each_kind(entries_max, names):
    entries = [numbered(kind, n, "") for kind, n in [("A", 1), ("B", 1), ("B", 2), ("B", 3)]]
    assert [entry.placeholder for entry in remembered(entries, entries_max)] == names


@given(st.lists(st.sampled_from(["ada", "bob", "cy", "36"]), max_size=12), st.integers(0, 3))
def test_no_number_is_given_twice_however_little_is_remembered(values, entries_max):
    given_numbers = set()
    entries: tuple[Numbered, ...] = ()
    for value in values:
        kind = "A" if value == "36" else "P"
        numbering = Numbering.extended(entries, a_reading(value, (value, kind)), digests_of(value))
        for entry in numbering.added:
            assert (entry.kind, number_of(entry.placeholder)) not in given_numbers
            given_numbers.add((entry.kind, number_of(entry.placeholder)))
        entries = remembered((*entries, *numbering.added), entries_max)


A, ALSO_A, B = (f"{number:016x}" + "0" * 48 for number in (5, 5 + 9 * 10**11, 7))


def consistent(earlier, *values):
    """Number values whose digests are given: (value, digest)."""
    text = " ".join(value for value, _ in values)
    reading = a_reading(text, *((value, "P") for value, _ in values))
    digests = {canonical(value): digest for value, digest in values}
    return Numbering.extended(earlier, reading, digests, consistent=True).added


def test_a_number_that_comes_from_a_digest_is_the_same_everywhere():
    one = consistent((), ("ada", A), ("bob", B))
    other = consistent((numbered("P", 3, "x"),), ("bob", B))
    assert [entry.placeholder for entry in one] == ["<P_100000000005>", "<P_100000000007>"]
    assert other == one[1:]
    assert all(is_derived(entry.placeholder) for entry in one)
    assert not is_derived("<P_99999999999>")


def test_of_two_values_with_one_number_the_later_one_makes_way():
    assert derived("P", A) == derived("P", ALSO_A)
    first, second = consistent((), ("ada", A), ("bob", ALSO_A))
    assert (first.placeholder, second.placeholder) == ("<P_100000000005>", "<P_100000000006>")
    [third] = consistent((first, second), ("cy", f"{6:016x}" + "1" * 48))
    assert third.placeholder == "<P_100000000007>"


def test_counting_goes_on_below_numbers_that_come_from_digests():
    earlier = (numbered("P", 4, "x"), *consistent((), ("ada", A)))
    numbering = Numbering.extended(earlier, a_reading("cy", ("cy", "P")), digests_of("cy"))
    assert [entry.placeholder for entry in numbering.added] == ["<P_5>"]


def test_forgetting_keeps_the_highest_number_that_was_counted():
    entries = (numbered("P", 4, "x"), *consistent((), ("ada", A), ("bob", B)))
    kept = remembered(entries, 1)
    assert [entry.placeholder for entry in kept] == ["<P_4>", "<P_100000000007>"]
