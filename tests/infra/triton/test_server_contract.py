"""What connectors see of the models' server, and models of Triton: the fakes keep it as the real ones do.

There are two fakes of it: a server that speaks its protocol, and what it gives the code of a model.
"""

import grpc
import numpy as np
import pytest
from tritonclient.grpc import InferResult, service_pb2_grpc

from connectors.triton import Triton
from connectors.triton.tensors import embedder_inputs, infer_request
from schemas import Generate
from streams.running.world import Call
from streams.settings import Settings
from tests.connectors.triton.server import FakeTritonServer, serve
from tests.infra.triton.embedding import an_embedder, embed

CALL = Call(tenant="t", lane=0, request="r", session="s", event="e", topic="t", offset=0)
DATATYPES = {"vector": "f", "tokens": "i", "truncated": "b", "model": "O", "token_vectors": "O"}
WRONG_KIND = "kind must be query or passage, the same for every text"


class InProcess:
    """The model's own code, over a fake backend."""

    def __init__(self, model):
        self._model = model

    async def embed(self, texts, kind):
        """Return the outputs by name, or the status and words of a refusal."""
        request = embed(*texts, kind=kind, with_tokens=True)
        self._model.execute([request])
        assert request.sender.ended.wait(60)
        for error in request.sender.errors:
            words, code = error.args
            return {"invalid": "INVALID_ARGUMENT"}[code], words
        [outputs] = request.sender.sent
        return outputs


class OverGrpc:
    """A server."""

    def __init__(self, address):
        self._address = address

    async def embed(self, texts, kind):
        request = infer_request("embedder", embedder_inputs(texts, kind, True), "e")
        async with grpc.aio.insecure_channel(self._address) as channel:
            try:
                stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
                answer = InferResult(await stub.ModelInfer(request))
            except grpc.aio.AioRpcError as error:
                return error.code().name, error.details()
        names = [output.name for output in answer.get_response().outputs]
        return {name: answer.as_numpy(name) for name in names}


@pytest.fixture
def backend(monkeypatch):
    model = an_embedder(monkeypatch)
    yield InProcess(model)
    model.encoder.go.set()
    model.finalize()


@pytest.fixture
async def fake_server():
    fake = FakeTritonServer()

    async def script(stream):
        await stream.token("a")
        await stream.token("b")
        await stream.end("length")

    fake.script = script
    server, port = await serve(fake)
    yield fake, f"127.0.0.1:{port}"
    await server.stop(None)


STACK = pytest.param("stack", marks=pytest.mark.stack)


@pytest.fixture(params=["backend", "server", STACK])
def embedder(request):
    match request.param:
        case "backend":
            return request.getfixturevalue("backend")
        case "server":
            return OverGrpc(request.getfixturevalue("fake_server")[1])
    return OverGrpc(request.getfixturevalue("running").settings.triton_grpc)


async def test_each_output_has_a_row_for_each_text(embedder):
    outputs = await embedder.embed(("a lane", "another", ""), "passage")
    assert outputs.keys() >= DATATYPES.keys()
    for name, kind in DATATYPES.items():
        assert isinstance(outputs[name], np.ndarray)
        assert outputs[name].dtype.kind == kind
        assert outputs[name].ndim == 2
        assert len(outputs[name]) == 3
    assert outputs["vector"].dtype == np.float32
    assert {type(one) for one in outputs["model"].ravel()} == {bytes}
    assert len(set(outputs["model"].ravel())) == 1


@pytest.mark.parametrize("embedder", ["backend", STACK], indirect=True)
async def test_what_is_asked_wrongly_is_refused_with_the_models_own_words(embedder):
    assert await embedder.embed(("a",), "other") == ("INVALID_ARGUMENT", WRONG_KIND)


async def test_a_refusal_of_the_fake_server_comes_as_the_real_ones(fake_server):
    fake, address = fake_server
    fake.failure = grpc.StatusCode.INVALID_ARGUMENT, WRONG_KIND
    assert await OverGrpc(address).embed(("a",), "other") == ("INVALID_ARGUMENT", WRONG_KIND)


@pytest.fixture(params=["server", STACK])
async def triton(request, fake_server):
    if request.param == "server":
        settings = Settings(triton_grpc=fake_server[1])
    else:
        settings = request.getfixturevalue("running").settings
    made = Triton(settings)
    yield made
    await made.close()


async def test_tokens_come_in_parts_and_the_last_one_says_how_it_ended(triton):
    asked = Generate(prompt="Say: one", max_tokens=2)
    parts = [part async for part in triton.generate(asked, CALL)]
    assert [part.last for part in parts] == [False] * (len(parts) - 1) + [True]
    tokens = [token for part in parts for token in part.tokens]
    assert 0 < len(tokens) <= 2
    assert all(token.text for token in tokens)
    assert parts[-1].finish_reason == "length"
    assert parts[-1].usage.prompt_tokens > 0
    assert parts[-1].usage.completion_tokens == 2
    assert parts[-1].model
