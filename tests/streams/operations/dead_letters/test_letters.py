"""Which dead letters are meant, what became of them, and which may be put back."""

import pytest

from schemas import InboxDocument
from streams.operations.dead_letters.letters import (
    Filters,
    NoSuchLetter,
    all_open,
    instant,
    named,
    resolve,
    settle,
    short,
    unfit,
)
from streams.topics import topic_of
from tests.fakes import NOW_US
from tests.streams.operations.dead_letters.samples import ASKED, a_letter


@pytest.mark.parametrize(
    ("filters", "taken"),
    [
        ({}, True),
        ({"tenant": "acme", "step": "redact", "error": "Permanent", "request": "r-1"}, True),
        ({"tenant": "other"}, False),
        ({"step": "embed"}, False),
        ({"error": "Transient"}, False),
        ({"request": "r-2"}, False),
        ({"since_us": NOW_US}, True),
        ({"since_us": NOW_US + 1}, False),
        ({"until_us": NOW_US + 1}, True),
        ({"until_us": NOW_US}, False),
    ],
)
def test_a_letter_is_meant_if_it_fits_every_filter(filters, taken):
    assert Filters(**filters).takes(a_letter().event) is taken


def test_an_id_may_be_cut_short():
    letters = [a_letter(1), a_letter(2)]
    assert resolve(letters, letters[1].id[:6].upper()) is letters[1]


def test_an_unknown_id_says_where_the_ids_are():
    with pytest.raises(NoSuchLetter, match="dead-letters list"):
        resolve([a_letter()], "ffffff")
    with pytest.raises(NoSuchLetter):
        resolve([a_letter()], "")


def test_an_ambiguous_id_asks_for_more():
    with pytest.raises(NoSuchLetter, match=r"2 dead letters.*more characters"):
        resolve([a_letter(1, identity="ab1"), a_letter(2, identity="ab2")], "ab")


@pytest.mark.parametrize(("count", "listed"), [(3, "(ab0, ab1, ab2)"), (4, "(ab0, ab1, ab2, …)")])
def test_of_many_that_fit_three_are_named(count, listed):
    letters = [a_letter(number, identity=f"ab{number}") for number in range(count)]
    with pytest.raises(NoSuchLetter) as raised:
        resolve(letters, "ab")
    assert listed in str(raised.value)


def test_of_letters_with_one_id_the_newest_is_meant():
    letters = [a_letter(offset, attempt=offset, identity="ab") for offset in (1, 3, 2)]
    assert resolve(letters, "ab") is letters[1]


# ---------------------------------------------------------------------- which are put back


def test_all_are_those_that_fit_and_are_open_in_the_order_of_the_lane():
    letters = [
        a_letter(9),
        a_letter(7),
        a_letter(1, status="done"),
        a_letter(2, step="embed"),
        a_letter(3, topic=topic_of(InboxDocument), value=None),
    ]
    assert all_open(letters, Filters(step="redact")) == [letters[1], letters[0]]


def test_all_of_nothing_is_an_error_that_says_where_to_look():
    with pytest.raises(NoSuchLetter, match=r"no dead letter that is open fits.*list"):
        all_open([a_letter(status="waiting")], Filters(step="embed"))


def test_a_letter_that_is_named_twice_is_put_back_once():
    letters = [a_letter(1), a_letter(2)]
    assert named(letters, [letters[1].id, letters[0].id, letters[1].id[:9]]) == letters[::-1]


def test_one_that_can_not_be_put_back_holds_all_that_are_named():
    letters = [a_letter(1, identity="aa"), a_letter(2, identity="bb", status="done")]
    with pytest.raises(NoSuchLetter, match=r"bb can.t be put back: .*nothing is left to do"):
        named(letters, ["aa", "bb"])


# ---------------------------------------------------------------------- what became of them


def test_a_letter_is_open_waiting_rejected_again_or_done():
    letters = [a_letter(offset) for offset in (1, 2, 3, 4, 30)]
    copies = {(ASKED, 0, 2): [20], (ASKED, 0, 3): [30], (ASKED, 0, 4): [41, 40]}
    settle(letters, copies, frozenset({(ASKED, 0, 40)}))
    assert [letter.status for letter in letters] == [
        "open",
        "waiting",
        "rejected again",
        "done",
        "open",
    ]
    assert letters[3].copies == [40, 41]


@pytest.mark.parametrize(
    ("letter", "why"),
    [
        (a_letter(), ""),
        (a_letter(status="done"), "nothing is left to do"),
        (a_letter(status="rejected again"), "newer dead letter"),
        (a_letter(topic=topic_of(InboxDocument), value=None), "producer send it again"),
        (a_letter(value=None), "no value"),
    ],
)
def test_what_can_not_be_put_back_says_why(letter, why):
    assert why in unfit(letter)
    assert bool(unfit(letter)) is bool(why)


def test_what_waits_for_its_step_is_not_put_back_twice():
    letter = a_letter()
    settle([letter], {letter.position: [12]}, frozenset())
    assert f"{ASKED}[0]@12" in unfit(letter)


def test_an_id_is_short_and_a_time_is_utc_on_a_terminal():
    assert short("18c2e4d0-9b1f-5a3e") == "18c2e4d0-9b1f"
    assert instant(NOW_US + 1_500) == "2023-11-14T22:13:20.001+00:00"
