"""The stub model says what an answer needs to say, at its own pace, without Triton."""

import asyncio
import json
from pathlib import Path

import pytest

import bench
from agents.answering.excerpts import Excerpt
from agents.prompting import filled
from bench.chats import questions
from streams.log.configuration import load
from tests.infra.triton.backend import FakeSender, loaded

FOLDER = Path(bench.__file__).parent / "models"


@pytest.fixture
def stub(monkeypatch):
    return loaded("stub", monkeypatch, FOLDER)


def told(sender):
    """What was sent; of each output the one value."""
    return [{name: values[0] for name, values in one.items()} for one in sender.sent]


@pytest.fixture
def model(stub):
    model = stub.TritonPythonModel()
    parameters = {name: {"string_value": "10"} for name in ("first_ms", "token_ms")}
    model.initialize({"model_config": json.dumps({"parameters": parameters})})
    yield model
    model.finalize()


def answered(model, sender, prompt, max_tokens=100):
    coroutine = model.answer(sender, prompt, max_tokens)
    asyncio.run_coroutine_threadsafe(coroutine, model.loop).result(60)


def a_prompt(fact):
    template = load()["generate"].values["prompt"]
    best, other = questions.sentence(fact), "Another passage."
    chosen = [Excerpt(0, "sentence", best), Excerpt(1, "sentence", other)]
    return filled(template, "What does it cost?", chosen)


def test_it_says_the_last_passage_of_the_prompt_word_by_word(model):
    sender = FakeSender()
    answered(model, sender, a_prompt(3))
    *tokens, end = told(sender)
    assert b"".join(token["text"] for token in tokens).decode() == questions.sentence(3)
    assert len(tokens) == questions.TOKENS
    assert end["finish_reason"] == b"stop"
    assert end["completion_tokens"] == questions.TOKENS
    assert sender.flags == [0] * questions.TOKENS + [1]


def test_every_fact_takes_as_many_tokens():
    lengths = {len(questions.sentence(fact).split()) for fact in range(questions.FACTS)}
    assert lengths == {questions.TOKENS}


def test_it_says_no_more_than_it_is_asked_for(model):
    sender = FakeSender()
    answered(model, sender, a_prompt(0), max_tokens=2)
    assert told(sender)[-1]["finish_reason"] == b"length"
    assert len(sender.sent) == 3


def test_it_stops_when_the_asker_is_gone(model):
    sender = FakeSender(leaves_after=2)
    answered(model, sender, a_prompt(0))
    assert told(sender)[-1]["finish_reason"] == b"cancelled"
    assert len(sender.sent) == 3


def test_a_strange_prompt_is_answered_too(stub):
    assert stub.said("hello there") == ["hello", "there"]
    assert stub.said("\nQuestion: none") == ["Question:", "none"]
    assert stub.said("") == ["nothing"]


def test_many_requests_sleep_side_by_side(model):
    sent = []
    senders = [FakeSender() for _ in range(50)]
    for number, sender in enumerate(senders):
        sender.send = lambda response, flags=0, number=number: sent.append((number, flags))

    async def ask_all():
        await asyncio.gather(*(model.answer(sender, a_prompt(0), 5) for sender in senders))

    asyncio.run_coroutine_threadsafe(ask_all(), model.loop).result(60)
    ends = [place for place, (_, flags) in enumerate(sent) if flags == 1]
    assert len(ends) == 50
    assert {number for number, _ in sent[: ends[0]]} == set(range(50))
