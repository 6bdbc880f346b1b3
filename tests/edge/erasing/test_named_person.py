"""Who is meant by a name, and which values are theirs."""

import pytest

from edge.erasing.named_person import VALUES_MAX, named_person
from edge.requests.validity import Refused
from tests.erased_people import PeopleHeld


@pytest.fixture
def people(tmp_path):
    return PeopleHeld(tmp_path)


def test_a_user_is_meant_by_name_or_by_the_digest_that_records_hold(people):
    people.ask("jane")
    subject = people.subject("jane")
    for name in ("jane", subject):
        assert named_person(people.keyring, "acme", name).subject == subject
    # of another tenant it is no digest, but somebody's name
    assert named_person(people.keyring, "globex", subject).subject != subject


def test_who_is_called_by_anothers_digest_is_not_taken_for_them(people):
    people.ask("jane")
    jane = people.subject("jane")
    people.ask(jane)  # somebody who calls themselves so
    assert named_person(people.keyring, "acme", jane).subject == jane
    mine = named_person(people.keyring, "acme", jane, by_name=True)
    assert mine.subject == people.subject(jane) != jane


def test_an_address_is_a_value_of_its_user_and_a_name_is_not(people):
    mine = named_person(people.keyring, "acme", "jane@example.org").values
    assert mine == {people.value("jane@example.org")}
    assert not named_person(people.keyring, "acme", "Jane Doe").values


def test_values_are_spelt_as_redaction_spells_them(people):
    def values(value):
        return named_person(people.keyring, "acme", "u", [value]).values

    assert values("Zoë  Weiß") == values("zoë weiß ") >= {people.value("zoë weiß")}
    assert people.value("zoe weiß") in values("Zoë Weiß")


@pytest.mark.parametrize(
    ("name", "values", "documents", "says"),
    [
        ("", [], [], "user is empty"),
        ("u" * 257, [], [], "too long"),
        ("u", [" \u200b"], [], "empty"),
        ("u", ["v" * 513], [], "longer than"),
        ("u", ["v"] * (VALUES_MAX + 1), [], "at most 200"),
        ("u", [], [""], "by its id"),
        ("u", [], ["d" * 65], "by its id"),
    ],
)
def test_what_names_nobody_is_refused(people, name, values, documents, says):
    with pytest.raises(Refused, match=says):
        named_person(people.keyring, "acme", name, values, documents)
    with pytest.raises(Refused):
        named_person(people.keyring, "no tenant", "u")
