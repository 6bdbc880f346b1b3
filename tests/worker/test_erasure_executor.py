"""Erasing a person comes to the same wherever it is cut off, and however often it is done."""

import pytest

from edge.erasing.erasure_desk import ErasureDesk
from edge.erasing.named_person import named_person
from schemas import DocumentWithdrawn, ErasureRefused, PersonErased
from streams.topics import topic_of
from tests.erased_people import PeopleHeld
from worker import erasure_executor


class Crash(BaseException):
    """The process ends here."""


@pytest.fixture
def people(tmp_path):
    return PeopleHeld(tmp_path)


@pytest.fixture
def desk(people):
    return ErasureDesk(people.keyring, people, people.told, 2, edge="test")


def ask(people, desk, user="jane", **named):
    return desk.ask(named_person(people.keyring, "acme", user, **named), by="test")


def on_log(people, kind):
    messages = [
        message
        for (topic, _), rows in sorted(people.broker.rows.items())
        if topic == topic_of(kind)
        for message in rows.messages
    ]
    return [people.codec.decode(message.value(), kind) for message in messages]


def a_life(people):
    """Give jane and bob something to lose; return what must go and what must stay."""
    question, anna = people.ask("jane", "Anna")
    _, shared = people.ask("jane", "Bert")
    content, dora = people.hand_in(
        "d-1", "Dora", metadata={"data_subject": "jane"}, content=b"x" * 2_000
    )
    bobs = people.ask("bob", "Bert")
    other, named = people.hand_in("d-2", "Carl")
    return (question, anna, content, dora, named), (shared, *bobs, other)


def check_erased(people, gone, kept):
    assert not any(map(people.opens, gone))
    assert all(map(people.opens, kept))
    [done] = people.told().done()
    [withdrawn] = {one.meta.id: one for one in on_log(people, DocumentWithdrawn)}.values()
    assert (withdrawn.document, done.documents) == ("d-1", ("d-1",))
    [claim] = {one.claim for one in gone if one.claim}
    assert people.claims.expired(claim)
    assert set(done.keys) == {
        f"user/{done.asked.subject}",
        "document/d-1",
        *(f"value/{people.value(value)}" for value in ("Anna", "Carl", "Dora")),
    }
    assert {one.kind: (one.count, one.shared) for one in done.held} == {
        "questions": (2, 0),
        "answers": (2, 0),
        "documents": (1, 0),
        "values": (3, 1),
        "named_values": (1, 0),
    }


def test_a_person_goes_and_others_stay(people, desk):
    gone, kept = a_life(people)
    ask(people, desk, values=["Carl"])
    people.work()
    check_erased(people, gone, kept)
    people.work()
    assert len(on_log(people, PersonErased)) == 1


class Breaking:
    """A part of the executor that lets the process end at its nth call, before or after its work."""

    def __init__(self, number, *, after):
        self.number, self.after, self.calls = number, after, 0

    def __call__(self, work):
        def call(*args, **more):
            self.calls += 1
            if self.calls == self.number and not self.after:
                raise Crash
            done = work(*args, **more)
            if self.calls == self.number:
                raise Crash
            return done

        return call


class BreakingKeys:
    def __init__(self, keyring, breaking):
        self.erase = breaking(keyring.erase)
        self.digest, self.subjects, self.states = keyring.digest, keyring.subjects, keyring.states


CALLS = 7
"""Of the keyring three, one to settle, one to look, two to write."""


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", range(1, CALLS + 1))
def test_what_a_crash_cut_off_is_completed(people, desk, number, after):
    gone, kept = a_life(people)
    ask(people, desk, values=["Carl"])
    breaking = Breaking(number, after=after)
    with pytest.raises(Crash):
        people.work(
            keyring=BreakingKeys(people.keyring, breaking),
            settle=breaking(lambda: None),
            look=breaking(people.look),
            write=breaking(people.put_all),
        )
    people.work()
    check_erased(people, gone, kept)


def test_no_further_call_is_left_to_crash_at(people, desk):
    a_life(people)
    ask(people, desk)
    breaking = Breaking(CALLS + 1, after=False)
    people.work(
        keyring=BreakingKeys(people.keyring, breaking),
        settle=breaking(lambda: None),
        look=breaking(people.look),
        write=breaking(people.put_all),
    )
    assert breaking.calls == CALLS


def test_a_hold_that_came_after_the_request_refuses_it_and_nothing_is_touched(people, desk):
    gone, kept = a_life(people)
    ask(people, desk)
    named = named_person(people.keyring, "acme", "jane")
    desk.hold(named, held=True, by="test", reason="case 1")
    people.work()
    [refused] = on_log(people, ErasureRefused)
    assert refused.reason == "case 1"
    assert all(map(people.opens, (*gone, *kept)))
    assert not people.told().pending()
    desk.hold(named, held=False, by="test")
    ask(people, desk)
    people.work()
    assert not people.opens(gone[0])


def test_what_was_begun_is_ended_whatever_hold_comes_between(people, desk):
    gone, _ = a_life(people)
    ask(people, desk)
    with pytest.raises(Crash):
        people.work(settle=Breaking(1, after=False)(lambda: None))
    assert not people.opens(gone[0])
    known = people.told()
    known.against = lambda _: "case 1"
    [erasure] = known.pending()
    people.executor().execute(erasure, known)
    assert people.told().done()


def test_values_that_came_up_until_the_key_was_gone_go_too(people, desk):
    people.ask("jane")
    ask(people, desk)
    late = []
    seal = people.keyring.seal
    people.work(settle=lambda: late.append(_answered_late(people, seal)))
    assert not any(map(people.opens, late))


def _answered_late(people, seal):
    """What a run that had opened a text puts on the log after its key was destroyed."""
    subject = people.keyring.digest("acme", b"jane")
    people.keyring.subjects, before = (lambda *_: (subject,)), people.keyring.subjects
    people.keyring.seal = lambda tenant, key, *rest: seal(
        tenant, key if key.startswith("value/") else "user/other", *rest
    )
    try:
        return people.ask("jane", "Late")[1]
    finally:
        people.keyring.subjects, people.keyring.seal = before, seal


def test_a_document_of_whom_a_digest_names_is_not_that_of_who_is_called_so(people, desk):
    people.ask("jane")
    jane = people.subject("jane")
    people.ask(jane)
    content, _ = people.hand_in("d-1", "Dora", metadata={"data_subject": jane})
    desk.ask(named_person(people.keyring, "acme", jane, by_name=True), by="test")
    people.work()
    assert people.told().done()
    assert people.opens(content)


def test_a_value_that_is_held_with_somebody_outlives_the_erasure_of_another(people, desk):
    bobs, held = people.ask("bob", "Anna")
    desk.hold(named_person(people.keyring, "acme", "jane", ["Anna"]), held=True, by="t", reason="1")
    ask(people, desk, "bob")
    people.work()
    assert not people.opens(bobs)
    assert people.opens(held)


@pytest.mark.parametrize(
    ("metadata", "held", "asked", "reason"),
    [
        ({"data_subject": "jane"}, {}, {"documents": ["d-1"]}, "a document of"),
        ({}, {"documents": ["d-1"]}, {"documents": ["d-1"]}, "a document of"),
        ({}, {}, {"values": ["Anna"]}, "a value in a text of"),
        ({"data_subject": "jane"}, {}, {"values": ["Dora"]}, "a value in a text of"),
        ({}, {}, {"values": ["Dora"]}, ""),
        ({}, {}, {"documents": ["d-1"]}, ""),
    ],
)
def test_who_is_held_keeps_documents_and_values_that_anothers_erasure_names(
    people, desk, metadata, held, asked, reason
):
    janes = people.ask("jane", "Anna")
    document = people.hand_in("d-1", "Dora", metadata=metadata, content=b"x" * 2_000)
    bobs = people.ask("bob")
    ask(people, desk, "bob", **asked)
    desk.hold(named_person(people.keyring, "acme", "jane", **held), held=True, by="t", reason="1")
    people.work()
    told = [one.reason for one in on_log(people, ErasureRefused)]
    assert [reason in one for one in told] == ([True] if reason else [])
    assert all(map(people.opens, janes))
    assert all(map(people.opens, (*bobs, *document))) == bool(reason)


@pytest.mark.parametrize("versions", [("jane", "bob"), ("bob", "jane")])
def test_a_document_of_two_of_whom_one_is_held_outlives_the_erasure_of_the_other(
    people, desk, versions
):
    people.ask("jane")
    people.ask("bob")
    sealed = [
        people.hand_in("d-1", "Dora", metadata={"data_subject": of}, content=b"x" * 2_000)
        for of in versions
    ]
    desk.hold(named_person(people.keyring, "acme", "jane"), held=True, by="t", reason="1")
    ask(people, desk, "bob")
    people.work()
    assert people.told().done()[0].documents == ()
    assert all(people.opens(one) for some in sealed for one in some)
    assert not any(people.claims.expired(one.claim) for some in sealed for one in some if one.claim)
    assert not on_log(people, DocumentWithdrawn)


def test_parts_that_a_crash_left_are_followed_by_all_that_they_lack(people, desk, monkeypatch):
    monkeypatch.setattr(erasure_executor, "KEYS_MAX", 2)
    people.ask("jane", "A", "B", "C", "D")
    ask(people, desk)

    def half(events):
        people.put_all(events[:1])
        if events and isinstance(events[0], PersonErased):
            raise Crash

    with pytest.raises(Crash):
        people.work(write=half)
    late = [people.value(str(number)) for number in range(8)]
    subject, seal = people.told().pending()[0].asked.subject, people.keyring.seal
    for digest in late:  # what had been on its way, with names before and behind those told of
        seal("acme", f"value/{digest}", "e", "f", b"x")
    look = people.look

    def looked(*of):
        found = look(*of)
        found._own |= dict.fromkeys(late, 1)
        return found

    people.work(look=looked)
    [done] = people.told().done()
    assert sorted(done.keys) == sorted(
        [f"user/{subject}", *(f"value/{one}" for one in (*map(people.value, "ABCD"), *late))]
    )


def test_many_keys_are_told_in_several_records(people, desk, monkeypatch):
    monkeypatch.setattr(erasure_executor, "KEYS_MAX", 2)
    people.ask("jane", "A", "B", "C", "D")
    ask(people, desk)
    people.work()
    parts = on_log(people, PersonErased)
    assert [(len(one.keys), one.meta.ordinal, one.meta.last) for one in parts] == [
        (2, 0, False),
        (2, 1, False),
        (1, 2, True),
    ]
    assert [bool(one.held) for one in parts] == [True, False, False]
    [done] = people.told().done()
    assert len(done.keys) == 5


def test_a_restored_key_store_is_erased_again(people, desk, tmp_path):
    a_life(people)
    older = PeopleHeld(tmp_path / "older")
    ask(people, desk, values=["Carl"])
    people.work()
    [done] = people.told().done()
    older.executor().repeat(done)
    states = older.keyring.states("acme", list(done.keys))
    assert all(state.destroyed for state in states.values())
    assert len(states) == len(done.keys)
