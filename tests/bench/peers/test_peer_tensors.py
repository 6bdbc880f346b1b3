"""What peers ask is byte for byte what the platform asks, though by Triton's own client."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from tritonclient.grpc import _utils

from bench.peers.peer_tensors import client_inputs
from connectors.triton.tensors import chat_inputs, embedder_inputs, infer_request
from schemas import Generate


def asked_by_the_client(model, inputs):
    return _utils._get_inference_request(model, inputs, "", "e", None, 0, False, False, 0, None, {})


@given(
    texts=some.lists(some.text(max_size=20), min_size=1, max_size=4).map(tuple),
    kind=some.sampled_from(["query", "passage"]),
    with_tokens=some.booleans(),
)
def test_of_the_embedder(texts, kind, with_tokens):
    inputs = embedder_inputs(texts, kind, with_tokens)
    asked = asked_by_the_client("embedder", client_inputs(inputs))
    assert asked == infer_request("embedder", inputs, "e")


@pytest.mark.parametrize("stop", [(), ("\n", "Question:")])
def test_of_the_chat_model(stop):
    request = Generate(prompt="Wo?", max_tokens=8, model="stub", stop=stop, temperature=0.5, seed=7)
    inputs = chat_inputs(request)
    asked = asked_by_the_client("stub", client_inputs(inputs))
    assert asked == infer_request("stub", inputs, "e")
