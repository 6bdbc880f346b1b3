"""The worker of the chats: what the index would find is known, and whichever model is asked, the stub answers."""

import pytest

from bench.chats.questions import FACTS, passage, sentence
from bench.chats.stub_server import STUB
from bench.chats.worker import FakeRetrieval, StubChat
from bench.direct import ANSWERING, MemoryTables
from bench.facts import TENANT, name_of
from connectors.documents import Documents
from connectors.keyring import Keyring
from schemas import Embed, Fetch, Generate, Search
from streams.running.world import Call, World
from streams.settings import Settings
from tests.connectors.triton.server import FakeTritonServer, serve

CALL = Call(TENANT, 0, "r-1", "s-1", "e", "t", 0)


@pytest.fixture
async def triton():
    fake = FakeTritonServer()
    server, fake.port = await serve(fake)
    yield fake
    await server.stop(None)


@pytest.fixture
async def chat(triton):
    chat = StubChat(Settings(triton_grpc=f"127.0.0.1:{triton.port}", call_timeout_s=5))
    yield chat
    await chat.close()


async def say_hello(stream):
    await stream.token("Hello")
    await stream.end()


@pytest.mark.parametrize("model", ["", "smollm2-360m", "another"])
async def test_whichever_model_is_asked_the_stub_answers(triton, chat, model):
    triton.script = say_hello
    generate = chat.stream_handlers()[Generate]
    request = Generate(prompt="Text: Hello", max_tokens=5, model=model)
    parts = [part async for part in generate(request, CALL)]
    assert "".join(token.text for part in parts for token in part.tokens) == "Hello"
    assert parts[-1].last
    assert [asked.model_name for asked in triton.requests] == [STUB]


def test_the_chat_answers_nothing_but_generating(chat):
    assert chat.handlers() == {}
    assert set(chat.stream_handlers()) == {Generate}


async def found(number):
    retrieval = FakeRetrieval()
    text = f"What does a yearly ticket for the {name_of(number)} cost?"
    search = Search(text=text, vector=b"", filters={}, limit=5)
    candidates = (await retrieval.handlers()[Search](search, CALL)).candidates
    fetch = Fetch(chunks=tuple(one.chunk for one in candidates))
    return (await retrieval.handlers()[Fetch](fetch, CALL)).passages


@pytest.mark.parametrize("number", [0, 1, 10, FACTS - 1])
async def test_the_best_passage_is_the_one_about_the_question(number):
    passages = await found(number)
    assert passages[0].text == sentence(number)
    assert len({one.chunk for one in passages}) == len(passages) > 1


async def test_all_passages_are_known_and_no_more():
    every = Search(text="x", vector=b"", filters={}, limit=10 * FACTS)
    candidates = (await FakeRetrieval().handlers()[Search](every, CALL)).candidates
    assert {one.chunk for one in candidates} == {passage(n).chunk for n in range(FACTS)}


def test_between_them_the_steps_are_answered_once(tmp_path, chat):
    settings = Settings(run=tmp_path)
    retrieval = FakeRetrieval()
    assert retrieval.stream_handlers() == {}
    connectors = (Keyring(settings), Documents(settings), retrieval, chat, MemoryTables())
    assert World(connectors, timeout_s=5)  # which refuses two answers to one request
    assert {Embed, Search, Fetch} < set(retrieval.handlers())
    assert "index" not in ANSWERING
