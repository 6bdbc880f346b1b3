import struct
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest
from confluent_kafka import Producer

from replay.log import BrokerLog
from schemas import Ask, DocumentSubmitted, EventRejected, QuestionAsked, Sealed
from streams.log.codec import Codec, open_codec
from streams.log.lanes import lane_of
from streams.log.subjects import open_registry
from streams.topics import topic_of
from tests.fakes import a_meta

pytestmark = pytest.mark.stack


def rejections(running, wanted, patience_s=90):
    """Wait for a dead letter that `wanted` accepts."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        log = BrokerLog(running.settings)
        codec = Codec(log.ids)
        try:
            for topic, lane in log.extents():
                if topic == topic_of(EventRejected):
                    for stored in log.records(topic, lane):
                        event = codec.decode(stored.value, EventRejected)
                        if wanted(event):
                            return event
        finally:
            log.close()
        time.sleep(0.3)
    pytest.fail("no dead letter")


def put(running, topic, value, key=b"workshop", partition=0):
    places = []
    producer = Producer({"bootstrap.servers": running.settings.kafka})
    producer.produce(
        topic,
        value=value,
        key=key,
        partition=partition,
        on_delivery=lambda _, message: places.append((message.partition(), message.offset())),
    )
    producer.flush(60)
    return places[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("garbage", b"this is no avro"),
        ("empty", b""),
        ("an unknown schema id", struct.pack(">bI", 0, 2_000_000) + b"xyz"),
        ("a body cut off", None),
    ],
)
def test_undecodable_bytes_are_a_dead_letter_and_stop_nothing(running, workshop, name, value):
    topic = topic_of(QuestionAsked)
    if value is None:
        ids = open_registry(running.settings)
        value = struct.pack(">bI", 0, ids.id_of("QuestionAsked")) + b"\x10abc"
    partition, offset = put(running, topic, value)
    letter = rejections(
        running, lambda e: (e.topic, e.partition, e.offset) == (topic, partition, offset)
    )
    assert letter.value == value
    assert letter.message
    assert letter.step == "redact"
    assert running.ask(workshop, "Is the compressor lent out?")["text"]


def test_a_record_under_another_tenants_key_is_a_dead_letter(running, workshop, garden):
    codec = open_codec(running.settings)
    session = str(uuid.uuid4())
    lane = lane_of("workshop", session, running.settings.partitions)
    sealed = Sealed(key="user/x", event="e", field="text", ciphertext=b"\x00" * 32)
    meta = a_meta(tenant="workshop", session=session, request=str(uuid.uuid4()), lane=lane)
    event = QuestionAsked(meta=meta, subject="x", text=sealed, ask=Ask())
    _, offset = put(
        running, topic_of(QuestionAsked), codec.encode(event), key=b"garden", partition=lane
    )
    letter = rejections(running, lambda e: (e.partition, e.offset) == (lane, offset))
    assert "tenant" in letter.message.lower()


def test_a_sealed_text_that_no_key_opens_is_a_dead_letter_and_the_asker_hears_of_it(running):
    request = str(uuid.uuid4())
    lane = lane_of("workshop", "s", running.settings.partitions)
    sealed = Sealed(key="document/none", event="e", field="content", ciphertext=b"\x01" * 40)
    meta = a_meta(tenant="workshop", session="s", request=request, lane=lane)
    event = DocumentSubmitted(
        meta=meta, document="s", uri="u", media_type="text/plain", content=sealed
    )
    put(running, topic_of(event), open_codec(running.settings).encode(event), partition=lane)
    letter = rejections(running, lambda e: e.meta.request == request)
    assert (letter.step, letter.attempts) == ("ingest", 1)


@pytest.mark.parametrize(
    ("name", "text", "status"),
    [
        ("empty", "", {400, 422, "failed"}),
        ("white space", " \n\t ", {400, 422, "failed"}),
        ("control characters only", "\x01\x02\x03", {400, 422, "failed"}),
        ("control characters", "The \x07bell\x00 rings \x1bat noon.", {"indexed"}),
        (
            "another language",
            "営業時間は午前九時から午後五時までです。日曜日は休みです。",
            {"indexed"},
        ),
        ("right to left", "المكتبة مفتوحة من التاسعة صباحا حتى الخامسة مساء.", {"indexed"}),
    ],
)
def test_odd_documents_are_indexed_or_clearly_refused(running, name, text, status):
    body = {"uri": f"odd/{uuid.uuid4()}", "media_type": "text/plain", "content": text}
    with running.client("odd") as client:
        answer = client.post("/v1/documents", json=body)
        if answer.status_code != 202:
            assert answer.status_code in status, answer.text
            assert answer.json()["detail"]
            return
    state = running.await_document("odd", answer.json()["document_id"])
    assert state["status"] in status, state
    if state["status"] == "failed":
        assert state["reason"]


def test_a_document_of_five_megabytes_is_taken_by_claim_check(running):
    padding = "<!-- " + "x" * 5_000_000 + " -->"
    html = f"<html><body>{padding}<p>The archive of the mill burned in 1907.</p></body></html>"
    state = running.submit("odd", html, media_type="text/html", uri="mill.html")
    assert state["status"] == "indexed", state
    passages = running.search("odd", "When did the archive of the mill burn?")
    assert "mill.html" in {passage["uri"] for passage in passages}


def test_a_message_of_only_placeholders_is_not_taken_for_ours(running, workshop):
    answer = running.ask(workshop, "<PERSON_1> <EMAIL_ADDRESS_2> <PERSON_1>")
    assert answer["finish_reason"] in {"not_found", "refused", "extractive", "stop"}
    assert "Beatriz" not in answer["text"]


@pytest.mark.parametrize("text", ["\x00\x01", " ", "a" * 200_000])
def test_odd_messages_get_an_answer_or_a_clear_refusal(running, workshop, text):
    with running.client(workshop) as client:
        answer = client.post("/v1/messages", json={"text": text})
    assert answer.status_code in {200, 400, 413, 422}, answer.text
    if answer.status_code == 200:
        assert answer.json()["finish_reason"] == "refused"
    else:
        assert answer.headers["content-type"].startswith("application/problem+json")


def test_a_foreign_producer_reaches_the_index_through_the_inbox(running):
    example = Path(__file__).parents[2] / "docs" / "examples" / "inbox_producer.py"
    done = subprocess.run(
        [sys.executable, str(example), running.settings.kafka, running.settings.registry],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    deadline = time.monotonic() + 60
    with running.client("acme") as client:
        while time.monotonic() < deadline:
            listed = client.get("/v1/documents").json()
            rows = listed["documents"] if isinstance(listed, dict) else listed
            if any(row["status"] == "indexed" for row in rows):
                return
            time.sleep(0.3)
    pytest.fail("the inbox document was not indexed")
