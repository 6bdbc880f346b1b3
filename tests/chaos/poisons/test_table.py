"""What a table of poisons calls wrong, and what it says of the neighbours."""

import json
from dataclasses import replace

import pytest

from tests.chaos.poisons.fate import Fate, Tasted
from tests.chaos.poisons.neighbours import Chat
from tests.chaos.poisons.table import KEPT, Table

GIVEN = Tasted("poison", Fate("422 invalid", told=True), 10.0, 12.0, went_on=True, restarts=0)
QUIET = [Chat(0.0, 1.0, 200), Chat(1.0, 2.0, 200)]


def test_a_poison_that_only_its_sender_feels_is_not_wrong():
    assert Table([GIVEN], QUIET, 9.0, []).wrong == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"fate": Fate("no dead letter in 90 s", told=False)}, "nobody is told"),
        ({"went_on": False}, "answered no more"),
        ({"restarts": 2}, "2 components were started again"),
    ],
)
def test_what_a_poison_must_not_do_is_wrong_by_its_name(change, says):
    [wrong] = Table([replace(GIVEN, **change)], QUIET, 9.0, []).wrong
    assert wrong.startswith("poison: ")
    assert says in wrong


def test_a_neighbour_without_an_answer_is_wrong():
    chats = [*QUIET, Chat(10.0, 11.0, 503), Chat(11.0, 12.0, 0)]
    assert Table([GIVEN], chats, 9.0, []).wrong == [
        "1 questions of neighbours got 503",
        "1 questions of neighbours got 0",
    ]


def chats(count, seconds, began_s):
    return [Chat(began_s, began_s + seconds, 200)] * count


def test_chats_that_were_open_while_a_poison_had_its_way_are_held_against_those_before():
    before = chats(40, 1.0, 0.0)
    met = [Chat(9.5, 12.5, 200), Chat(11.0, 14.0, 200)]
    table = Table([GIVEN], [*before, *met, Chat(12.5, 99.0, 200)], 9.0, [])
    assert table.as_json()["neighbours_p95_s"]["before"] == 1.0
    assert table.as_json()["of_poisons"]["poison"] == {
        "chats": 2,
        "p50_ratio": 3.0,
        "p95_ratio": None,
    }, "the 95th of 100 of two is the slower one"
    row = str(table).splitlines()[0]
    assert "p50   3.0x p95     -x of   2 chats" in row
    assert "2.0 s" in row


def test_one_that_was_given_again_has_all_the_chats_that_met_it_each_once():
    again = replace(GIVEN, again=((20.0, 22.0), (30.0, 31.0)))
    met = [*chats(10, 2.0, 11.0), *chats(9, 2.0, 21.0), Chat(21.5, 30.5, 200)]
    beside = chats(50, 3.0, 12.5)
    told = Table([again], [*chats(40, 1.0, 0.0), *met, *beside], 9.0, []).as_json()
    assert told["of_poisons"]["poison"]["chats"] == len(met) == 20
    assert told["of_poisons"]["poison"]["p50_ratio"] == 2.0
    assert told["of_poisons"]["poison"]["p95_ratio"] > 2.0


def test_who_kept_a_loop_is_told_by_its_place():
    line = json.dumps({"event": KEPT, "line": "agents.a:7"})
    assert Table([GIVEN], [], 9.0, [line, "other", line]).as_json()["loop_kept"] == {
        "agents.a:7": 2
    }
