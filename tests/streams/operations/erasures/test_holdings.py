"""What is a person's own, what is shared, and what others keep when the person is erased."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import CallTool, DocumentSubmitted, Effect, TokensGenerated, ToolAnswered
from streams.log.configuration import PRODUCERS
from streams.operations.erasures.held_people import HeldPeople
from streams.operations.erasures.holdings import ErasedPerson
from streams.running.producer_proof import ProducerProof
from streams.topics import topic_of
from tests.erased_people import PeopleHeld
from tests.fakes import a_meta
from tests.producer_keys import ProducerKeys

USERS = st.sampled_from(["jane", "bob"])
VALUES = st.lists(st.sampled_from(["Anna", "Bert", "Carl", "Dora"]), max_size=3, unique=True)
SAID = st.one_of(
    st.tuples(st.just("ask"), USERS, VALUES),
    st.tuples(st.just("document"), st.sampled_from(["d-1", "d-2"]), VALUES),
)


@pytest.fixture
def people(tmp_path):
    return PeopleHeld(tmp_path)


def erased(people, user, values=(), documents=()):
    return ErasedPerson(
        "acme",
        people.subject(user),
        frozenset(map(people.value, values)),
        frozenset(documents),
    )


def counts(found):
    return {one.kind: (one.count, one.shared) for one in found.held()}


def test_values_that_others_mention_stay_unless_they_are_named(people):
    people.ask("jane", "Anna", "Bert", "Carl")
    people.ask("bob", "Bert")
    people.hand_in("d-1", "Carl")
    people.judge("jane")
    person = erased(people, "jane")
    found = people.look(person, lambda _: False, HeldPeople())
    assert found.names() == (f"user/{person.subject}", f"value/{people.value('Anna')}")
    assert counts(found) == {
        "questions": (1, 0),
        "answers": (1, 0),
        "feedback": (1, 0),
        "values": (3, 2),
    }
    named = people.look(erased(people, "jane", ["Carl"]), lambda _: False, HeldPeople())
    assert f"value/{people.value('Carl')}" in named.names()
    assert counts(named)["named_values"] == (1, 0)
    assert named.mentioning == {"d-1"}


def test_documents_of_their_own_go_with_what_they_alone_mention(people):
    people.hand_in("d-1", "Anna", "Bert", metadata={"data_subject": "jane"}, content=b"x" * 2_000)
    people.hand_in("d-2", "Bert", "Carl")
    people.hand_in("d-3", "Dora")
    found = people.look(
        erased(people, "jane", documents=["d-3"]), lambda name: name == "jane", HeldPeople()
    )
    assert found.documents.keys() == {"d-1", "d-3"}
    assert len(found.claims) == 1
    assert set(found.names()) == {
        f"user/{people.subject('jane')}",
        "document/d-1",
        "document/d-3",
        f"value/{people.value('Anna')}",
        f"value/{people.value('Dora')}",
    }


@pytest.mark.parametrize("must_sign", [False, True])
def test_what_nobody_proved_makes_no_document_somebodys(people, must_sign):
    """Else whoever may write to the topic could have a document of others go with a person."""
    keys = ProducerKeys({topic_of(DocumentSubmitted): [0, 0]})
    people.signer = keys.signer("*")
    if must_sign:
        people.proof = ProducerProof({PRODUCERS: keys.configuration})
    people.hand_in("d-1", "Anna", metadata={"data_subject": "jane"})
    people.hand_in("d-2")
    people.signer = None
    people.hand_in("d-2", metadata={"data_subject": "jane"})
    found = people.look(erased(people, "jane"), lambda name: name == "jane", HeldPeople())
    assert found.documents.keys() == ({"d-1"} if must_sign else {"d-1", "d-2"})


def test_what_a_host_told_somebody_is_theirs(people):
    told = ToolAnswered(
        tool="t", status=200, entries=(people._entry("acme", "e", "Anna"),), content="c"
    )
    effect = Effect(
        number=1,
        kind=CallTool.SCHEMA,
        request=b"",
        response=people.codec.encode(told),
        started=0,
        took_us=0,
    )
    for user in ("jane", "bob"):
        subject = people.subject(user)
        event = TokensGenerated(
            meta=a_meta(request=user, effects=(effect,)),
            batch=people.a_batch,
            text="",
            ask=people.an_ask,
            subject=subject,
        )
        people.put(event)
        own = people.look(erased(people, "jane"), lambda _: False, HeldPeople()).own_values
        # whoever is told it as well has it, too
        assert own == ((people.value("Anna"),) if user == "jane" else ())


def test_other_tenants_hold_nothing_of_it(people):
    people.ask("jane", "Anna", tenant="globex")
    found = people.look(erased(people, "jane"), lambda _: False, HeldPeople())
    assert found.held() == ()
    assert found.names() == (f"user/{people.subject('jane')}",)


@settings(max_examples=12, deadline=None)
@given(said=st.lists(SAID, max_size=6), named=VALUES)
def test_nothing_of_the_erased_opens_and_everything_of_others_does(unit_path_factory, said, named):
    people = PeopleHeld(unit_path_factory.mktemp("people"))
    janes, others = [], []
    for kind, who, values in said:
        sealed = people.ask(who, *values) if kind == "ask" else people.hand_in(who, *values)
        mentioned = list(zip(values, sealed[1:], strict=True))
        is_janes = kind == "ask" and who == "jane"
        (janes if is_janes else others).append((sealed[0], mentioned))
    found = people.look(erased(people, "jane", named), lambda _: False, HeldPeople())
    people.keyring.erase("acme", "one", found.names())
    elsewhere = {value for _, mentioned in others for value, _ in mentioned}
    for text, mentioned in janes:
        assert not people.opens(text)
        assert all(people.opens(one) == (v in elsewhere - {*named}) for v, one in mentioned)
    for text, mentioned in others:
        assert people.opens(text)
        assert all(people.opens(one) == (v not in named) for v, one in mentioned)
