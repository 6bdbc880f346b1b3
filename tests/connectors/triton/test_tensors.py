"""Requests as tensors: what is sent is what the models' own `config.pbtxt` declare."""

import numpy as np
import pytest
from google.protobuf import text_format
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.grpc import InferInput, model_config_pb2, service_pb2
from tritonclient.utils import deserialize_bytes_tensor

from connectors.token_vectors import DIMENSIONS
from connectors.triton.connector import TEXTS_MAX
from connectors.triton.tensors import (
    chat_inputs,
    embedder_inputs,
    infer_request,
    moderator_inputs,
    tensorrt_llm_inputs,
    vllm_inputs,
)
from infra.triton.launch import MODELS
from schemas import Generate

TYPES = {
    "BYTES": model_config_pb2.TYPE_STRING,
    "BOOL": model_config_pb2.TYPE_BOOL,
    "INT32": model_config_pb2.TYPE_INT32,
    "FP32": model_config_pb2.TYPE_FP32,
}


def declared(model):
    text = (MODELS / model / "config.pbtxt").read_text()
    return text_format.Parse(text, model_config_pb2.ModelConfig())


def value(tensor):
    """The numbers or strings of a tensor as it travels."""
    if tensor.datatype == "BYTES":
        return [one.decode() for one in deserialize_bytes_tensor(tensor.raw)]
    kind = {"BOOL": np.bool_, "INT32": np.int32, "FP32": np.float32}[tensor.datatype]
    return np.frombuffer(tensor.raw, kind).tolist()


def check(inputs, model, batched):
    """Hold the inputs against the model's definition; return them by name."""
    config = declared(model)
    known = {one.name: one for one in config.input}
    sent = {tensor.name: tensor for tensor in inputs}
    assert len(sent) == len(inputs)
    for name, tensor in sent.items():
        assert known[name].data_type == TYPES[tensor.datatype]
        dims = list(tensor.shape[1:] if batched else tensor.shape)
        assert list(known[name].dims) in (dims, [-1])
    assert {one.name for one in config.input if not one.optional} <= set(sent)
    return {name: value(tensor) for name, tensor in sent.items()}


@given(
    st.lists(st.text(), min_size=1, max_size=5),
    st.sampled_from(["query", "passage"]),
    st.booleans(),
)
def test_the_embedder_gets_a_row_a_text(texts, kind, with_tokens):
    texts = tuple(text.encode("utf-8", "replace").decode() for text in texts)
    sent = check(embedder_inputs(texts, kind, with_tokens), "embedder", batched=True)
    assert sent == {
        "text": list(texts),
        "kind": [kind] * len(texts),
        "with_tokens": [with_tokens] * len(texts),
    }


@given(
    st.text(max_size=30),
    st.integers(1, 4_096),
    st.integers(0, 2**31 - 1),
    st.lists(st.text(min_size=1, max_size=3), max_size=3),
    st.sampled_from(["", '{"type": "object"}']),
)
def test_the_chat_model_gets_what_the_request_says(prompt, max_tokens, seed, stop, json_schema):
    request = Generate(
        prompt=prompt,
        max_tokens=max_tokens,
        seed=seed,
        temperature=0.5,
        stop=tuple(stop),
        json_schema=json_schema,
    )
    sent = check(chat_inputs(request), "chat", batched=False)
    expected = {
        "prompt": [prompt],
        "max_tokens": [max_tokens],
        "temperature": [0.5],
        "seed": [seed],
        "stop": stop,
        "json_schema": [json_schema] if json_schema else [],
    }
    assert sent == {name: values for name, values in expected.items() if values}


def as_by_the_client(tensor):
    """Spell a tensor by Triton's own client, from its values; return its head and its bytes."""
    kind = {"BYTES": object, "BOOL": np.bool_, "INT32": np.int32, "FP32": np.float32}
    values = value(tensor)
    array = np.empty(len(values), kind[tensor.datatype])
    array[:] = [one.encode() for one in values] if tensor.datatype == "BYTES" else values
    spelt = InferInput(tensor.name, list(tensor.shape), tensor.datatype)
    spelt.set_data_from_numpy(array.reshape(tensor.shape))
    return spelt._get_tensor(), spelt._get_content()


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@given(
    st.lists(TEXTS, min_size=1, max_size=4),
    st.integers(1, 4_096),
    st.floats(0, 2, width=32),
    st.lists(TEXTS.filter(bool), max_size=3),
    st.sampled_from(["", '{"type": "object"}']),
)
def test_a_request_is_what_the_client_would_send(texts, max_tokens, temperature, stop, schema):
    request = Generate(
        prompt=texts[0],
        system="".join(texts[1:]),
        max_tokens=max_tokens,
        temperature=temperature,
        stop=tuple(stop),
        json_schema=schema,
    )
    for inputs in (
        embedder_inputs(tuple(texts), "query", with_tokens=True),
        moderator_inputs(tuple(texts), ("harm", "order")),
        chat_inputs(request),
        vllm_inputs(request),
        tensorrt_llm_inputs(request),
    ):
        sent = infer_request("m", inputs, "e-1", streamed=True)
        expected = service_pb2.ModelInferRequest(model_name="m", id="e-1")
        expected.parameters["triton_enable_empty_final_response"].bool_param = True
        for tensor in inputs:
            head, raw = as_by_the_client(tensor)
            expected.inputs.append(head)
            expected.raw_input_contents.append(raw)
        assert sent == expected


def test_a_request_holds_as_many_texts_as_the_model_takes_at_once():
    assert declared("embedder").max_batch_size == TEXTS_MAX


@pytest.mark.parametrize(
    ("model", "outputs"),
    [
        ("embedder", {"vector", "token_vectors", "tokens", "model"}),
        ("chat", {"text", "model", "finish_reason", "prompt_tokens", "completion_tokens"}),
    ],
)
def test_the_models_declare_the_outputs_that_are_read(model, outputs):
    assert outputs <= {one.name for one in declared(model).output}


def test_vectors_have_the_length_that_reranking_expects():
    [vector] = [one for one in declared("embedder").output if one.name == "vector"]
    assert list(vector.dims) == [DIMENSIONS]
