"""Dictionaries: each name of a group finds the others, and nothing else is added."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.configured.usability import Unusable, hold_usable
from agents.dictionaries import ADDED_MAX, NOTHING, PUT_MAX, Dictionary, dictionary_of, forms_of
from streams.log.configuration import load

GROUPS = (
    ("SSO", "single sign-on"),
    ("notice period", "Kündigungsfrist"),
    ("sign-on", "login"),
    ("X-100", "torque wrench"),
)
NAMED = Dictionary(GROUPS)
NAMES = [name for group in GROUPS for name in group]
TEXTS = st.lists(st.sampled_from([*NAMES, "how", "long", "single", "period", "?"]), max_size=12)


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("How do I set up SSO?", ("single sign-on",)),
        ("how do i set up sso", ("single sign-on",)),
        ("Single Sign-On is broken", ("SSO",)),
        ("What are our notice periods?", ("Kündigungsfrist",)),
        ("The sign-on page", ("login",)),
        ("SSO, that is single sign-on", ()),
        ("the x-100", ("torque wrench",)),
        ("single notice", ()),
        ("", ()),
    ],
)
def test_other_names_of_what_a_text_names_are_added(text, others):
    assert NAMED.others(text) == others
    assert NAMED.expanded(text) == " ".join((text, *others))


@given(TEXTS)
def test_what_is_added_belongs_to_a_name_that_stands_in_the_text(parts):
    text = " ".join(parts)
    spelt = f" {' '.join(forms_of(text))} "
    for name in NAMED.others(text):
        [group] = [group for group in GROUPS if name in group]
        assert any(f" {' '.join(forms_of(other))} " in spelt for other in group)
        assert f" {' '.join(forms_of(name))} " not in spelt
    assert NAMED.expanded(text).startswith(text)
    assert NAMED.wordings(text)[0] == (text, ())
    assert len(NAMED.wordings(text)) <= 1 + PUT_MAX


def test_a_question_is_put_in_other_names_one_at_a_time():
    assert NAMED.wordings("Which notice period has SSO?")[1:] == (
        ("Which Kündigungsfrist has SSO", ("notice", "period")),
        ("Which notice period has single sign-on", ("SSO",)),
    )


def test_without_a_dictionary_nothing_changes():
    assert dictionary_of(None, "acme") is dictionary_of({}, "acme") is NOTHING
    assert NOTHING.expanded("How long is SSO?") == "How long is SSO?"


def test_a_tenant_has_everybodys_groups_and_its_own_and_no_others():
    configured = {"*": [["a1", "b1"]], "acme": [["a2", "b2"]], "globex": [["a3", "b3"]]}
    assert dictionary_of(configured, "acme").others("a1 a2 a3") == ("b1", "b2")
    assert dictionary_of(configured, "globex").others("a1 a2 a3") == ("b1", "b3")
    assert dictionary_of(configured, "other").others("a1 a2 a3") == ("b1",)
    assert dictionary_of(configured, "acme") is dictionary_of(configured, "acme")


def test_what_is_added_is_bounded():
    many = Dictionary([["a", *(f"b{number}" for number in range(100))]])
    assert len(many.others("a")) == ADDED_MAX
    assert len(many.wordings("a " * 100)) == 1 + PUT_MAX


@pytest.mark.parametrize(
    ("dictionary", "why"),
    [
        ({"*": [["one"]]}, "dictionary.\\*\\[0\\]"),
        ({"*": [["a", "!?"]]}, "'!\\?' holds no word"),
        ({"*": [["a", ""]]}, "dictionary"),
        ({"*": ["a", "b"]}, "dictionary"),
        ([["a", "b"]], "dictionary"),
    ],
)
def test_a_dictionary_that_is_none_is_refused_before_it_is_in_force(dictionary, why):
    values = load()["retrieve"].values
    hold_usable("retrieve", {**values, "dictionary": {"*": [["SSO", "single sign-on"]]}})
    with pytest.raises(Unusable, match=why):
        hold_usable("retrieve", {**values, "dictionary": dictionary})
