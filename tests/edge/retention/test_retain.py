"""`playhead policy retain` leaves what a legal hold keeps as it is."""

import json

import pytest

from edge.erasing.erasure_desk import ErasureDesk
from edge.erasing.named_person import named_person
from edge.retention import retain_cli
from schemas import DocumentSubmitted, DocumentWithdrawn
from streams.log.configuration import PRODUCERS, Configuration
from streams.running.producer_proof import ProducerProof
from streams.topics import topic_of
from tests.edge.cli.running import run
from tests.erased_people import PeopleHeld
from tests.producer_keys import ProducerKeys

POLICY = '@id("none")\nforbid(principal, action == Action::"keep", resource);'
PAST = retain_cli.REASON + "past its time"


@pytest.fixture
def people(tmp_path, monkeypatch):
    people = PeopleHeld(tmp_path)
    policy = Configuration("policy", "d" * 64, json.dumps({"cedar": POLICY}))
    monkeypatch.setenv("PLAYHEAD_RUN", str(tmp_path))
    monkeypatch.setenv("PLAYHEAD_PARTITIONS", "2")
    monkeypatch.setattr(retain_cli, "open_codec", lambda _: people.codec)
    monkeypatch.setattr(retain_cli, "_policy", lambda *_: policy)
    monkeypatch.setattr(retain_cli.ProducerProof, "now", lambda *_: ProducerProof())
    monkeypatch.setattr(retain_cli, "new_consumer", people.consumer)
    monkeypatch.setattr(retain_cli, "told_of_erasures", lambda *_, **__: people.told())
    monkeypatch.setattr(retain_cli, "RequestPublisher", lambda *_, **__: people)
    monkeypatch.setattr(people, "close", lambda: None, raising=False)
    return people


def withdrawn(people):
    rows = (people.broker.rows[topic_of(DocumentWithdrawn), lane].messages for lane in range(2))
    told = (people.codec.decode(one.value(), DocumentWithdrawn) for some in rows for one in some)
    return {one.document for one in told}


@pytest.mark.parametrize("named", [(), ("d-2",)])
def test_what_is_held_is_neither_withdrawn_nor_deleted_until_it_is_released(people, named):
    people.ask("jane")
    bodies = [
        people.hand_in(one, metadata={"data_subject": of}, content=b"x" * 2_000)[0].claim
        for one, of in (("d-1", "jane"), ("d-2", "bob"))
    ]
    desk = ErasureDesk(people.keyring, people, people.told, 2, edge="test")
    jane = named_person(people.keyring, "acme", "jane", documents=named)
    desk.hold(jane, held=True, by="t", reason="1")
    kept = {"d-1", *named}
    done = run(retain_cli.retain, "--json")
    told = json.loads(done.stdout)
    assert withdrawn(people) == {"d-1", "d-2"} - kept
    assert (told["held"], told["claims_deleted"]) == (len(kept), 2 - len(kept))
    assert [bool(people.claims.expired(one)) for one in bodies] == [False, not named]
    desk.hold(jane, held=False, by="t")
    assert run(retain_cli.retain).exit_code == 0
    assert withdrawn(people) == {"d-1", "d-2"}
    assert all(map(people.claims.expired, bodies))


def test_what_nobody_proved_is_not_withdrawn_where_producers_must_sign(people, monkeypatch):
    keys = ProducerKeys({topic_of(DocumentSubmitted): [0, 0]})
    people.signer = keys.signer("*")
    people.hand_in("d-1")
    people.signer = None
    people.hand_in("d-2")
    proof = ProducerProof({PRODUCERS: keys.configuration})
    monkeypatch.setattr(retain_cli.ProducerProof, "now", lambda *_: proof)
    assert run(retain_cli.retain).exit_code == 0
    assert withdrawn(people) == {"d-1"}
