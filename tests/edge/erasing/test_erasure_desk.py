"""Asking for erasures and holds: what is refused writes nothing, what was asked is not asked again."""

import threading

import pytest

from edge.erasing.erasure_desk import (
    ErasureDesk,
    PersonHeld,
    UnknownPerson,
    report_of,
)
from edge.erasing.named_person import named_person
from edge.requests.validity import Refused
from schemas import ErasureRequested, LegalHoldSet
from streams.log.lanes import lane_of
from streams.topics import topic_of
from tests.erased_people import PeopleHeld


@pytest.fixture
def people(tmp_path):
    return PeopleHeld(tmp_path)


@pytest.fixture
def desk(people):
    return ErasureDesk(people.keyring, people, people.told, 2, edge="test")


@pytest.fixture
def jane(people):
    people.ask("jane")
    return lambda *one, values=(), **more: named_person(
        people.keyring, "acme", "jane", [*one, *values], **more
    )


def written(people, kind=ErasureRequested):
    return [
        people.codec.decode(message.value(), kind)
        for lane in range(2)
        for message in people.broker.rows[topic_of(kind), lane].messages
    ]


def test_a_request_lies_in_the_persons_lane_and_names_no_one(people, desk, jane):
    state = desk.ask(jane("Jane Doe"), by="key-1", reason="art. 17")
    [request] = written(people)
    assert state.state == "requested"
    assert state.erasure.asked == request
    assert (request.by, request.reason) == ("key-1", "art. 17")
    assert request.meta.lane == lane_of("acme", request.subject, 2)
    assert b"jane" not in people.codec.encode(request).lower()


def test_who_asks_again_or_at_the_same_time_asks_for_one_erasure(people, desk, jane):
    known = people.told()
    at_once = ErasureDesk(people.keyring, people, lambda: known, 2, edge="test")
    workers = [
        threading.Thread(target=at_once.ask, args=(jane(),), kwargs={"by": str(n)})
        for n in range(2)
    ]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert len({one.meta.id for one in written(people)}) == 1
    people.work()
    assert len(people.told().done()) == 1
    before = len(written(people))
    assert desk.ask(jane(), by="again").state == "erased"
    assert len(written(people)) == before


def test_of_whom_nothing_is_held_nothing_is_asked(people, desk):
    for name, values in (("nobody", []), ("nobody", ["Anna"])):
        named = named_person(people.keyring, "acme", name, values)
        assert desk.look(named).state == "unknown"
        with pytest.raises(UnknownPerson, match="nothing is held"):
            desk.ask(named, by="x")
    assert not written(people)


def test_somebody_who_only_is_mentioned_is_erased_by_value(people, desk):
    [_, sealed] = people.hand_in("d-1", "anna")
    named = named_person(people.keyring, "acme", "nobody", ["Anna"])
    desk.ask(named, by="x")
    people.work()
    assert not people.opens(sealed)
    assert desk.look(named).state == "erased"


def test_whoever_was_erased_by_value_and_asks_later_is_erased_again(people, desk):
    people.hand_in("d-1", "anna")

    def anna():
        return named_person(people.keyring, "acme", "anna", ["Anna"])

    desk.ask(anna(), by="x")
    people.work()
    sealed = people.ask("anna")[0]
    desk.ask(anna(), by="x")
    people.work()
    assert not people.opens(sealed)
    assert len(people.told().done()) == 2


def test_a_hold_refuses_and_says_so_until_it_is_released(people, desk, jane):
    first = desk.hold(jane(), held=True, by="x", reason="case 1")
    assert desk.hold(jane(), held=True, by="x", reason="case 1") == first
    with pytest.raises(PersonHeld, match="case 1"):
        desk.ask(jane(), by="x")
    assert desk.look(jane()).state == "held"
    assert not written(people)
    assert [one.subject for one in desk.holds("acme")] == [jane().subject]
    desk.hold(jane(), held=False, by="x")
    assert not desk.holds("acme")
    assert len(written(people, LegalHoldSet)) == 2
    with pytest.raises(Refused, match="no hold"):
        desk.hold(jane(), held=False, by="x")
    assert desk.ask(jane(), by="x").state == "requested"


@pytest.mark.parametrize("more", [{"documents": ["d-1"]}, {"values": ["Anna"]}])
def test_a_hold_that_names_more_is_another_one(people, desk, jane, more):
    people.hand_in("d-1")
    for number, named in enumerate([{}, more, more, {}]):
        desk.hold(jane(**named), held=True, by="x", reason="case 1")
        assert len(written(people, LegalHoldSet)) == (1, 2, 2, 3)[number]


def test_a_held_persons_values_are_held_in_everybodys_erasure(people, desk, jane):
    people.ask("bob", "anna")
    desk.hold(jane("Anna"), held=True, by="x", reason="case 1")
    bob = named_person(people.keyring, "acme", "bob", ["Anna"])
    with pytest.raises(PersonHeld, match="case 1"):
        desk.ask(bob, by="x")


def test_whoever_comes_back_is_erased_anew(people, desk, jane):
    for number in range(3):
        named = jane()
        desk.ask(named, by="x")
        people.work()
        assert len(people.told().done()) == number + 1
        assert desk.look(jane()).state == "erased"
        sealed = people.ask("jane")[0]
        assert people.opens(sealed)
        assert desk.look(jane()).state == "active"
    assert len(jane().subjects) == 4


def test_the_report_says_what_was_held_since_when_and_what_was_destroyed(people, desk, jane):
    desk.ask(jane(), by="x")
    told = report_of(jane(), desk.look(jane()))
    assert (told["state"], told["erased_at"], told["held"]) == ("requested", None, [])
    people.work()
    told = report_of(jane(), desk.look(jane()))
    assert told["subject"] == jane().subjects[0]
    assert told["keys_destroyed"] == 1
    assert told["erased_at"] >= told["requested_at"]
    assert told["held"] == [
        {"kind": kind, "count": 1, "since": "1970-01-01T00:00:01Z", "shared": 0}
        for kind in ("answers", "questions")
    ]


def test_waiting_ends_with_the_work_or_with_the_time(people, desk, jane, monkeypatch):
    monkeypatch.setattr("edge.erasing.erasure_desk.LOOK_S", 0.0)
    desk.ask(jane(), by="x")
    assert desk.wait(jane(), 0.0).state == "requested"
    looks = []

    def read():
        looks.append(1)
        if len(looks) == 3:
            people.work()
        return people.told()

    waiting = ErasureDesk(people.keyring, people, read, 2, edge="test")
    assert waiting.wait(jane(), 60.0).state == "erased"
    assert len(looks) == 3


@pytest.mark.parametrize("reason", ["x" * 201, "two\nlines"])
def test_a_reason_that_is_no_line_is_refused(people, desk, jane, reason):
    for ask in (
        lambda: desk.ask(jane(), by="x", reason=reason),
        lambda: desk.hold(jane(), held=True, by="x", reason=reason),
    ):
        with pytest.raises(Refused, match="one line"):
            ask()
    assert not written(people)
