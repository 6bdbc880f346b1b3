"""Components of the Haystack peer, over a server that speaks Triton's protocol."""

import os

import pytest

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"  # read when it is imported
pytest.importorskip("haystack", reason="of the dependency group peers: make bench ONLY=peers")

from haystack import Document, Pipeline

from bench.chats.stub_server import STUB
from bench.peers.haystack_parts import (
    TEXTS_MAX,
    PassageEmbedder,
    PassageRedactor,
    PassageWriter,
    PeerTriton,
    QueryEmbedder,
    QuestionRedactor,
    TritonGenerator,
)
from bench.peers.peer_work import TOKENS_MAX
from tests.connectors.triton.server import FakeTritonServer, serve


def hidden(texts):
    return [text.replace("Ada", "<PERSON>") for text in texts]


@pytest.fixture
async def triton():
    fake = FakeTritonServer()
    server, port = await serve(fake)
    fake.models = PeerTriton(f"127.0.0.1:{port}")
    yield fake
    await fake.models.connected().close()
    await server.stop(None)


def test_questions_and_passages_are_redacted():
    assert QuestionRedactor(hidden).run("Who is Ada?") == {"text": "Who is <PERSON>?"}
    document = Document(content="Ada was here.", meta={"uri": "a"})
    [redacted] = PassageRedactor(hidden).run([document])["documents"]
    assert (redacted.content, redacted.meta) == ("<PERSON> was here.", {"uri": "a"})
    assert document.content == "Ada was here."


async def test_a_question_gets_a_vector(triton):
    found = await QueryEmbedder(triton.models).run_async("What?")
    assert found == {"embedding": [0.0, 0.0, 0.0, 0.0]}
    assert triton.requests[0].model_name == "embedder"


async def test_passages_get_theirs_in_requests_of_no_more_texts_than_the_platforms(triton):
    documents = [Document(content=f"text {number}") for number in range(TEXTS_MAX + 3)]
    embedded = (await PassageEmbedder(triton.models).run_async(documents))["documents"]
    assert [one.content for one in embedded] == [one.content for one in documents]
    assert [one.embedding[0] for one in embedded] == [*map(float, range(TEXTS_MAX)), 0.0, 1.0, 2.0]
    assert [one.inputs[0].shape[0] for one in triton.requests] == [TEXTS_MAX, 3]


async def say(stream):
    for token in ("It", " is", " so."):
        await stream.token(token)
    await stream.end()


async def test_tokens_are_handed_on_one_by_one_in_a_pipeline_that_streams(triton):
    triton.script = say
    pipeline = Pipeline()
    pipeline.add_component("model", TritonGenerator(triton.models, STUB))
    handle = pipeline.stream({"model": {"prompt": "Text: It is so."}})
    assert [chunk.content async for chunk in handle] == ["It", " is", " so."]
    assert handle.result == {"model": {"replies": ["It is so."]}}
    [asked] = triton.requests
    assert asked.model_name == STUB
    assert int.from_bytes(asked.raw_input_contents[1], "little") == TOKENS_MAX


async def test_an_answer_that_breaks_off_is_an_error(triton):
    async def breaks(stream):
        await stream.token("It")
        await stream.error("out of memory")

    triton.script = breaks
    with pytest.raises(Exception, match="out of memory"):
        await TritonGenerator(triton.models, STUB).run_async("Text: It is so.")


class Written:
    """The store's side of a write: takes all, or says that something failed."""

    def __init__(self, errors=()):
        self.has_errors, self.errors = bool(errors), dict(errors)
        self.objects = []
        self.data = self.collection = self

    def insert_many(self, objects):
        self.objects += objects
        return self

    @staticmethod
    def _to_data_object(document):
        return {"content": document.content, **document.meta}


def test_passages_are_written_in_one_request_with_their_vectors():
    store = Written()
    documents = [
        Document(content=f"text {number}", embedding=[float(number)]) for number in range(3)
    ]
    assert PassageWriter(store).run(documents) == {"documents_written": 3}
    assert [(one.properties, one.vector) for one in store.objects] == [
        ({"content": f"text {number}"}, [float(number)]) for number in range(3)
    ]
    assert len({one.uuid for one in store.objects}) == 3


def test_what_the_splitter_notes_of_neighbours_is_no_property():
    store = Written()
    meta = {"uri": "a", "_split_overlap": [{"doc_id": "b", "range": (0, 4)}]}
    PassageWriter(store).run([Document(content="text", meta=meta, embedding=[0.0])])
    assert [one.properties for one in store.objects] == [{"content": "text", "uri": "a"}]


def test_a_passage_that_was_not_written_is_an_error():
    with pytest.raises(RuntimeError, match=r"not written: .*full"):
        PassageWriter(Written({0: "disk full"})).run([Document(content="a", embedding=[0.0])])
