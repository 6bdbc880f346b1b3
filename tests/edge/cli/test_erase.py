"""`playhead erase`: what is told before and after, and what is refused in one line."""

from __future__ import annotations

import json

import pytest
from confluent_kafka import KafkaError, KafkaException

from edge.cli import erase as cli
from schemas import ErasureRequested, LegalHoldSet
from streams.running.producer_proof import ProducerProof
from streams.topics import topic_of
from tests.edge.cli.running import run
from tests.erased_people import PeopleHeld

JANE = ("--tenant", "acme", "--subject", "jane")


class Publisher:
    """Publishes to the log in memory."""

    def __init__(self, people):
        self.send = people.send

    def close(self):
        pass


@pytest.fixture
def people(tmp_path, monkeypatch):
    """People on a log that the verbs read and write; a worker executes before each look."""
    people = PeopleHeld(tmp_path)
    people.works = True

    def told(*_, **__):
        if people.works:
            people.work()
        return people.told()

    monkeypatch.setenv("PLAYHEAD_RUN", str(tmp_path))
    monkeypatch.setenv("PLAYHEAD_PARTITIONS", "2")
    monkeypatch.setattr("edge.erasing.erasure_desk.LOOK_S", 0.0)
    monkeypatch.setattr(cli, "open_codec", lambda _: people.codec)
    monkeypatch.setattr(cli.ProducerProof, "now", lambda *_: ProducerProof())
    monkeypatch.setattr(cli, "RequestPublisher", lambda *_, **__: Publisher(people))
    monkeypatch.setattr(cli, "told_of_erasures", told)
    monkeypatch.setattr(cli, "holdings_of", lambda _, __, *of, **_parts: people.look(*of))
    return people


def written(people, kind=ErasureRequested):
    return sum(len(people.broker.rows[topic_of(kind), lane].messages) for lane in range(2))


def test_what_is_held_is_told_and_nothing_is_touched_by_a_dry_run(people):
    sealed = people.ask("jane", "Anna")
    people.hand_in("d-1", "Bert", metadata={"data_subject": "jane"})
    people.hand_in("d-2", "Carl")
    done = run(cli.erase, *JANE, "--value", "Carl", "--dry-run")
    assert done.exit_code == 0, done.output
    for line in (
        "1 questions, since 1970-01-01T00:00:01Z",
        "2 values in their conversations and documents",
        "to be withdrawn: d-1",
        "mentioned in documents of others: d-2.",
        "nothing was touched",
    ):
        assert line in done.output
    told = json.loads(run(cli.erase, *JANE, "--value", "Carl", "--dry-run", "--json").stdout)
    assert (told["state"], told["dry_run"]) == ("active", True)
    assert (told["documents"], told["mentioning"]) == (["d-1"], ["d-2"])
    assert all(map(people.opens, sealed))
    assert not written(people)


def test_a_person_is_erased_and_the_report_is_told_again(people, tmp_path):
    sealed = people.ask("jane", "Anna")
    people.ask("bob", "Bert")
    people.ask("jane", "Bert")
    named = tmp_path / "values.txt"
    named.write_text("anna\n\n")
    done = run(cli.erase, *JANE, "--values", named, "--reason", "art. 17")
    assert done.exit_code == 0, done.output
    assert "held until now:" in done.output
    assert "2 keys were destroyed" in done.output
    assert "1 of them in texts of others too, where they stay" in done.output
    assert not any(map(people.opens, sealed))
    again = run(cli.erase, *JANE, "--json")
    told = json.loads(again.stdout)
    assert (again.exit_code, told["state"], told["keys_destroyed"]) == (0, "erased", 2)
    assert written(people) == 1
    assert "nothing is held" not in run(cli.erase, *JANE, "--dry-run").output


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--tenant", "acme"), 2, "name whom"),
        (("--subject", "jane"), 2, "name whom"),
        (("--tenant", "acme", "--subject", "nobody"), 1, "nothing is held of this person"),
        (("--tenant", "no tenant", "--subject", "jane"), 1, "a tenant is called by"),
        ((*JANE, "--value", " "), 1, "a value is empty"),
        ((*JANE, "--reason", "x" * 201), 1, "the reason has at most"),
        ((*JANE, "--wait", "-1"), 2, "--wait"),
        ((*JANE, "--document", "d-9"), 1, "no document 'd-9' in this tenant"),
        ((*JANE, "--document", "d-9", "--dry-run"), 1, "no document 'd-9' in this tenant"),
        (("hold", "--tenant", "acme", "--reason", "r"), 2, "name whom"),
        (("hold", *JANE), 2, "--reason"),
        (("release", *JANE), 1, "there is no hold"),
        (("hold", *JANE[:3], "jnae", "--reason", "r"), 1, "nothing is held of this person"),
        (("hold", *JANE[:3], "jnae", "--value", "Anna", "--reason", "r"), 1, "say --unknown"),
        (("hold", *JANE, "--document", "d-9", "--reason", "r"), 1, "no document 'd-9'"),
    ],
)
def test_what_can_not_be_done_is_one_line(people, words, code, says):
    people.ask("jane")
    done = run(cli.erase, *words)
    assert done.exit_code == code, done.output
    assert says in done.output
    assert not written(people)
    assert not written(people, LegalHoldSet)


def test_of_nobody_a_dry_run_says_that_nothing_is_held(people):
    done = run(cli.erase, "--tenant", "acme", "--subject", "nobody", "--dry-run")
    assert (done.exit_code, done.output) == (0, "nothing is held of this person\n")


def test_values_that_are_no_text_are_refused(people, tmp_path):
    named = tmp_path / "values.txt"
    named.write_bytes(b"\xff\xfe")
    done = run(cli.erase, *JANE, "--values", named)
    assert (done.exit_code, "no UTF-8" in done.output) == (1, True)


def test_a_hold_refuses_until_it_is_released(people):
    people.ask("jane")
    held = run(cli.erase, "hold", *JANE, "--reason", "case 1", "--json")
    assert json.loads(held.stdout)["held"]
    refused = run(cli.erase, *JANE)
    assert (refused.exit_code, "case 1" in refused.output) == (1, True)
    assert "but for a legal hold: case 1" in run(cli.erase, *JANE, "--dry-run").output
    assert "case 1" in run(cli.erase, "holds", "--tenant", "acme").output
    listed = run(cli.erase, "holds", "--tenant", "acme", "--json")
    assert [one["reason"] for one in json.loads(listed.stdout)["holds"]] == ["case 1"]
    assert "is released" in run(cli.erase, "release", *JANE).output
    assert run(cli.erase, "holds", "--tenant", "acme").output == "no holds\n"
    assert run(cli.erase, *JANE).exit_code == 0


def test_a_hold_says_what_it_keeps_and_another_erasure_that_names_it_is_refused(people):
    people.ask("jane", "Anna")
    people.ask("bob")
    people.hand_in("d-1", "Bert", metadata={"data_subject": "jane"})
    done = run(cli.erase, "hold", *JANE, "--reason", "case 1")
    for line in ("1 questions,", "2 values in their", "1 versions of documents", "kept: d-1"):
        assert line in done.output
    for named in (("--document", "d-1"), ("--value", "Anna")):
        for words in ((), ("--dry-run",)):
            refused = run(cli.erase, *JANE[:3], "bob", *named, *words)
            assert (refused.exit_code, "case 1 (a " in refused.output) == (int(not words), True)
    assert not written(people)


def test_somebody_of_whom_there_is_nothing_yet_is_held_where_that_is_said(people):
    held = run(cli.erase, "hold", *JANE, "--reason", "r", "--unknown", "--json")
    assert (json.loads(held.stdout)["held"], json.loads(held.stdout)["keeps"]) == (True, [])
    assert written(people, LegalHoldSet) == 1


def test_whose_a_document_is_is_not_told_by_what_somebody_calls_themselves(people):
    people.ask("jane")
    digest = people.subject("jane")
    people.ask(digest)  # somebody who is called so
    people.hand_in("d-1", metadata={"data_subject": digest})
    for name, documents in (("jane", ["d-1"]), (people.subject(digest), [])):
        told = run(cli.erase, *JANE[:3], name, "--dry-run", "--json").stdout
        assert json.loads(told)["documents"] == documents


def test_values_of_whom_is_held_are_told_as_left_where_they_are(people):
    people.ask("bob", "Anna")
    people.ask("jane")
    run(cli.erase, "hold", *JANE, "--value", "Anna", "--reason", "r")
    bob = json.loads(run(cli.erase, *JANE[:3], "bob", "--dry-run", "--json").stdout)
    assert [one["shared"] for one in bob["held"] if one["kind"] == "values"] == [1]


def test_without_a_worker_the_request_stays_on_the_log(people):
    people.ask("jane")
    people.works = False
    done = run(cli.erase, *JANE, "--wait", "0")
    assert done.exit_code == 1
    assert "the request is on the log and no worker has executed it within 0 s" in done.output
    people.works = True
    assert run(cli.erase, *JANE).exit_code == 0
    assert written(people) == 1


def test_a_broker_that_is_away_is_told_in_one_line(people, monkeypatch):
    def away(*_, **__):
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))

    monkeypatch.setattr(cli, "told_of_erasures", away)
    done = run(cli.erase, *JANE)
    assert done.exit_code == 1
    assert "`playhead status` tells what is away" in done.output
    assert "KafkaError{" not in done.output
