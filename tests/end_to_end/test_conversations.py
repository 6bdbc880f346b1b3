import json
import threading
import uuid

import pytest
from websockets.sync.client import connect

from edge.client.gateway_client import frames_in
from replay.log import BrokerLog
from replay.one_request import events_of
from schemas import QueryRewritten

pytestmark = pytest.mark.stack

NAMES = (b"Beatriz Almeida", b"beatriz.almeida@workshop.example", b"Hanna Sorensen")


def test_an_answer_is_grounded_and_cited(running, workshop):
    answer = running.ask(workshop, "What is the deposit for a torque wrench?")
    assert "fifteen" in answer["text"].lower()
    [citation, *_] = answer["citations"]
    assert citation["uri"] == "handbook.md"
    assert "torque wrench" in citation["quote"]
    assert answer["finish_reason"] in {"stop", "extractive", "length"}
    assert answer["request_id"]
    assert answer["session_id"]


def test_a_question_that_the_documents_do_not_answer_is_said_to_be_so(running, workshop):
    answer = running.ask(workshop, "Which moons orbit Jupiter in the outer solar system?")
    assert (answer["finish_reason"], answer["citations"]) == ("not_found", [])


def test_one_tenant_never_finds_what_another_has(running, workshop, garden):
    found = running.search(garden, "deposit for a torque wrench")
    assert all(passage["uri"] == "rules.md" for passage in found), found
    found = running.search(workshop, "glasshouse key behind the green door")
    assert all(passage["uri"] == "handbook.md" for passage in found), found


def test_a_pronoun_is_resolved_by_the_conversation(running, workshop):
    session = str(uuid.uuid4())
    running.ask(workshop, "How long may a torque wrench be borrowed?", session_id=session)
    answer = running.ask(workshop, "What does it cost to return it late?", session_id=session)
    log = BrokerLog(running.settings)
    try:
        events = events_of(log, answer["request_id"])
    finally:
        log.close()
    [rewritten] = [event for event in events if isinstance(event, QueryRewritten)]
    assert rewritten.question == "What does it cost to return it late?"
    assert "wrench" in rewritten.query
    assert answer["citations"], answer


def test_the_stream_says_what_the_whole_answer_says(running, workshop):
    body = {"text": "When does the workshop open on Saturdays?", "stream": True}
    with running.client(workshop) as client, client.stream("POST", "/v1/messages", json=body) as r:
        assert r.headers["content-type"].startswith("text/event-stream")
        frames = list(frames_in(r))
    kinds = [frame["type"] for frame in frames]
    assert kinds[0] == "accepted"
    assert kinds[-1] == "completed"
    after = len(kinds) - 1 - kinds[::-1].index("restarted") if "restarted" in kinds else 0
    text = "".join(frame["text"] for frame in frames[after:] if frame["type"] == "delta")
    assert text == frames[-1]["text"]
    assert {frame["request_id"] for frame in frames} == {frames[0]["request_id"]}
    assert all(frame["cursor"] for frame in frames)


def websocket(running, tenant):
    url = running.settings.gateway.replace("http", "ws", 1) + "/v1/chat"
    headers = {"Authorization": f"Bearer {running.key(tenant)}"}
    return connect(url, additional_headers=headers, proxy=None)


def until_the_end(socket):
    frames = []
    while not frames or frames[-1]["type"] not in {"completed", "error", "retracted"}:
        frames.append(json.loads(socket.recv(timeout=120)))
    return frames


def test_a_client_that_comes_back_gets_the_rest_exactly_once(running, workshop):
    session = str(uuid.uuid4())
    with websocket(running, workshop) as socket:
        question = {
            "type": "message",
            "id": "1",
            "session_id": session,
            "text": "Who is the foreman?",
        }
        socket.send(json.dumps(question))
        whole = until_the_end(socket)
    assert whole[-1]["type"] == "completed", whole
    for cut in range(len(whole) - 1):
        if whole[cut]["type"] == "step":
            continue
        with websocket(running, workshop) as socket:
            resume = {
                "type": "resume",
                "request_id": whole[cut]["request_id"],
                "cursor": whole[cut]["cursor"],
            }
            socket.send(json.dumps(resume))
            rest = until_the_end(socket)

        def told(frames):
            return [
                (f["type"], f.get("text"))
                for f in frames
                if f["type"] in {"delta", "restarted", "completed", "retracted"}
            ]

        assert told(rest) == told(whole[cut + 1 :]), f"resumed after frame {cut}"


def test_several_conversations_at_once_keep_apart(running, workshop, garden):
    answers = {}

    def chat(tenant, text, word):
        answers[tenant, word] = running.ask(tenant, text)["text"].lower()

    threads = [
        threading.Thread(target=chat, args=(workshop, "Is the compressor lent out?", "compressor")),
        threading.Thread(target=chat, args=(garden, "Where is the glasshouse key?", "green")),
        threading.Thread(target=chat, args=(workshop, "What is the deposit?", "fifteen")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(word in text for (_, word), text in answers.items()), answers


def test_personal_data_stands_nowhere_in_plain(running, workshop):
    running.ask(workshop, "I am Hanna Sorensen. When does the workshop open on weekdays?")
    log = BrokerLog(running.settings)
    try:
        leaks = [
            (topic, name)
            for topic, partition in log.extents()
            if ".inbox." not in topic
            for stored in log.records(topic, partition)
            for name in NAMES
            if name in (stored.value or b"")
        ]
    finally:
        log.close()
    for path in (running.settings.run / "logs").glob("*.log"):
        leaks += [(path.name, name) for name in NAMES if name in path.read_bytes()]
    assert leaks == []


def test_a_restored_name_reaches_only_who_may_see_it(running, workshop):
    question = {"text": "Who is the foreman of the workshop?"}
    with running.client(workshop, "--scopes", "read,write,restore") as client:
        allowed = client.post("/v1/messages", json=question).json()
    with running.client(workshop, "--scopes", "read,write") as client:
        refused = client.post("/v1/messages", json=question).json()
    assert "Beatriz Almeida" in allowed["text"] + str(allowed["citations"])
    assert "Beatriz Almeida" not in json.dumps(refused)
    assert "<PERSON_1>" in json.dumps(refused)
