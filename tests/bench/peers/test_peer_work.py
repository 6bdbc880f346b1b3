"""What both peers do alike, and what they say: held to what the platform says and does."""

import json
from pathlib import Path

import pytest

import bench
from bench.chats.stub_server import STUB
from bench.peers.corpus import asked_about
from bench.peers.peer_work import (
    TOKENS_MAX,
    PeerPlaces,
    Redaction,
    completed,
    frame,
    generation,
    prompt_of,
)
from edge.client.server_sent_events import events_in
from schemas import Span
from streams.settings import Settings
from tests.infra.triton.backend import loaded

MODELS = Path(bench.__file__).parent / "models"


def places(**fields):
    return PeerPlaces.on(Settings(**fields), ("127.0.0.1:5", STUB), 17)


def test_places_are_spelt_as_an_argument_and_read_again(monkeypatch, tmp_path):
    key = tmp_path / "key"
    key.write_text("secret\n")
    wanted = places(
        weaviate_http="http://127.0.0.1:81",
        weaviate_grpc="127.0.0.1:82",
        weaviate_key_file=str(key),
    )
    monkeypatch.setattr("sys.argv", ["x", wanted.argument()])
    read = PeerPlaces.given()
    assert read == wanted
    assert (read.weaviate_host, read.weaviate_grpc_port, read.weaviate_secret) == (
        ("127.0.0.1", 81),
        82,
        "secret",
    )
    assert places().weaviate_secret == ""


@pytest.mark.parametrize(
    ("spans", "text"),
    [
        ((), "Ada Love asks"),
        (((0, 8, "PERSON", 0.85),), "<PERSON> asks"),
        (((0, 3, "PERSON", 0.85), (4, 8, "PERSON", 0.85)), "<PERSON> <PERSON> asks"),
        (((0, 8, "PERSON", 0.2),), "Ada Love asks"),
        (((0, 8, "NRP", 0.9),), "Ada Love asks"),
    ],
)
def test_personal_data_is_replaced_as_the_platforms_policy_says(spans, text):
    found = tuple(Span(start=a, end=b, kind=kind, score=score) for a, b, kind, score in spans)
    redaction = Redaction(lambda texts: [found for _ in texts])
    assert redaction(["Ada Love asks"]) == [text]


def test_each_text_is_redacted_by_what_was_found_in_it():
    spans = [(Span(start=0, end=3, kind="PERSON", score=1.0),), ()]
    assert Redaction(lambda _: spans)(["Ada asks", "Ada asks"]) == ["<PERSON> asks", "Ada asks"]


def test_the_stub_answers_a_prompt_with_the_words_of_the_best_passage(monkeypatch):
    best, other = (place.text for place in asked_about(48)[:2])
    prompt = prompt_of("What?", [best.replace(". ", ".\n\nText: "), other])
    said = loaded("stub", monkeypatch, MODELS).said(prompt)
    assert [word for word in said if word != "Text:"] == best.split()
    assert prompt.endswith("\nQuestion: What?\nAnswer:")


def test_the_longest_answer_fits():
    asked = generation("Text: a", STUB)
    assert (asked.prompt, asked.model) == ("Text: a", STUB)
    assert (
        max(len(place.text.split()) for place in asked_about(200)) < asked.max_tokens == TOKENS_MAX
    )


def test_frames_are_spelt_as_the_gateway_spells_them():
    said = [frame("delta", text="Zürich\u2028"), completed("Zürich", ["a", "b"])]
    assert said[0].startswith(b'data: {"type":"delta"')
    assert [json.loads(event.data) for event in events_in(said)] == [
        {"type": "delta", "text": "Zürich\u2028"},
        {"type": "completed", "text": "Zürich", "citations": [{"uri": "a"}, {"uri": "b"}]},
    ]
