"""Dead letters of the running stack, from the command line."""

import dataclasses
import json
import time
import uuid
from pathlib import Path

import pytest
from confluent_kafka import Producer

from connectors.keyring import Keyring
from schemas import Ask, DocumentSubmitted, Meta, QuestionAsked, Sealed, StepVersion
from streams.delivery.history import RETRY
from streams.log.codec import open_codec
from streams.log.ids import document_id
from streams.log.lanes import lane_of
from streams.topics import topic_of
from tests.fakes import a_meta
from tests.streams.operations.dead_letters.samples import ASKED


def published(running, event, value=None, headers=()):
    placed = []
    producer = Producer({"bootstrap.servers": running.settings.kafka, "log_level": 0})
    producer.produce(
        topic_of(event),
        value=value,
        key=event.meta.tenant.encode(),
        partition=event.meta.lane,
        headers=list(headers),
        on_delivery=lambda _, message: placed.append(message.offset()),
    )
    assert producer.flush(15) == 0
    return placed[0]


def listed(running, *filters, until, patience_s=60):
    """Wait until the list is as wanted, and return it."""
    deadline = time.monotonic() + patience_s
    while True:
        done = running.playhead("dead-letters", "list", "--json", *filters)
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)["dead_letters"]
        if until(rows):
            return rows
        assert time.monotonic() < deadline, rows
        time.sleep(0.3)


def passed(running, step, topic, lane, offset, patience_s=60):
    """Wait until a step has acknowledged a record, whatever it made of it."""
    deadline = time.monotonic() + patience_s
    while True:
        told = json.loads(running.playhead("lag", "--steps", step, "--json").stdout)["lanes"]
        [committed] = [
            one["committed"] for one in told if (one["topic"], one["lane"]) == (topic, lane)
        ]
        if committed > offset:
            return
        assert time.monotonic() < deadline, told
        time.sleep(0.3)


def await_indexed(running, tenant, document, patience_s=60):
    """Wait until a document can be found, though its rejection is known."""
    deadline = time.monotonic() + patience_s
    with running.client(tenant) as client:
        while client.get(f"/v1/documents/{document}").json()["status"] != "indexed":
            assert time.monotonic() < deadline, "the document is not indexed"
            time.sleep(0.2)


def a_document(running, tenant, text):
    """A sealed submission, as the edge writes it, with its body by claim check."""
    uri, request = f"dead/{uuid.uuid4()}", str(uuid.uuid4())
    document = document_id(tenant, uri)
    settings = dataclasses.replace(running.settings, claim_bytes=0)
    sealed = Keyring(settings).seal(
        tenant, f"document/{document}", request, "content", text.encode()
    )
    meta = Meta(
        id=request,
        tenant=tenant,
        lane=lane_of(tenant, document, settings.partitions),
        request=request,
        session=document,
        at=time.time_ns() // 1_000,
        step=StepVersion(name="test", code="test", configuration=""),
    )
    return DocumentSubmitted(
        meta=meta, document=document, uri=uri, media_type="text/plain", content=sealed
    )


@pytest.mark.stack
def test_a_letter_is_listed_shown_and_put_back_until_its_cause_is_gone(running):
    tenant = f"letters-{uuid.uuid4().hex[:8]}"
    event = a_document(running, tenant, "The sluice is opened at ebb by Beatriz Almeida.")
    claim = Path(running.settings.claims_place) / event.content.claim
    aside = claim.with_name("aside")
    claim.rename(aside)
    value = open_codec(running.settings).encode(event)
    published(running, event, value)
    [row] = listed(running, "--tenant", tenant, until=lambda rows: len(rows) == 1)
    assert (row["step"], row["status"], row["attempts"]) == ("ingest", "open", 1)

    told = running.playhead("dead-letters", "show", row["id"][:12])
    assert told.returncode == 0, told.stderr
    assert "sealed" in told.stdout
    assert "Beatriz" not in told.stdout

    # its cause is still there: rejected again, by the worker that rejected it before
    again = running.playhead("dead-letters", "retry", row["id"][:12])
    assert again.returncode == 0, again.stderr
    first, second = listed(running, "--tenant", tenant, until=lambda rows: len(rows) == 2)
    assert (first["status"], second["status"]) == ("rejected again", "open")
    assert first["id"] == second["id"]

    aside.rename(claim)
    done = running.playhead("dead-letters", "retry", "--all", "--tenant", tenant, "--json")
    assert done.returncode == 0, done.stderr
    [retried] = json.loads(done.stdout)["retried"]
    rows = listed(running, "--tenant", tenant, until=lambda rows: rows[1]["status"] == "done")
    assert len(rows) == 2
    await_indexed(running, tenant, event.document)

    nothing = running.playhead("dead-letters", "retry", row["id"])
    assert nothing.returncode == 1
    assert "nothing is left to do" in nothing.stderr

    # the same letter put back twice, as by two people at once: its second copy is a duplicate
    mark = [(RETRY, f"1@{first['offset']}".encode())]
    copy = published(running, event, value, mark)
    assert copy > retried["offset"]
    passed(running, "ingest", topic_of(event), event.meta.lane, copy)
    assert len(listed(running, "--tenant", tenant, until=bool)) == 2

    verified = running.playhead("replay", "verify", "--tenant", tenant, "--json")
    report = json.loads(verified.stdout)
    assert report["diverged"] == []
    # the claim is back, so nothing shows that it was missing: that is said of the two letters, and of no more
    assert verified.returncode == 3
    assert len(report["unverifiable"]) == 2
    assert all(
        "claim that was missing may be back" in one["reason"] for one in report["unverifiable"]
    )
    assert report["equal"] >= 3


@pytest.mark.stack
def test_bytes_that_could_not_be_read_are_put_back_too(running):
    tenant = f"letters-{uuid.uuid4().hex[:8]}"
    question = QuestionAsked(
        meta=a_meta(tenant=tenant, lane=1),
        subject="u",
        text=Sealed(key="k", event="e", field="text", ciphertext=b""),
        ask=Ask(),
    )
    offset = published(running, question, b"no avro at all")
    here = lambda rows: [r for r in rows if r["topic"] == ASKED and r["partition"] == 1]  # noqa: E731
    rows = listed(
        running,
        "--error",
        "Undecodable",
        until=lambda rows: any(r["offset"] == offset for r in here(rows)),
    )
    [row] = [r for r in here(rows) if r["offset"] == offset]
    done = running.playhead("dead-letters", "retry", row["id"], "--json")
    [retried] = json.loads(done.stdout)["retried"]
    rows = listed(
        running,
        "--error",
        "Undecodable",
        until=lambda rows: any(r["offset"] == retried["offset"] for r in here(rows)),
    )
    [row] = [r for r in here(rows) if r["offset"] == offset]
    assert row["status"] == "rejected again"


@pytest.mark.stack
def test_a_broker_that_does_not_answer_is_one_line(running):
    done = running.playhead("dead-letters", "list", env={"PLAYHEAD_KAFKA": "127.0.0.1:1"})
    assert done.returncode == 1
    [line] = done.stderr.strip().splitlines()
    assert "the broker at 127.0.0.1:1" in line
    assert "playhead status" in line
