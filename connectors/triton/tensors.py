"""Spell requests as the tensors that the models' `config.pbtxt` declare."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from tritonclient.grpc import service_pb2

from agents.errors import Permanent
from schemas import Generate

Datatype = Literal["BYTES", "BOOL", "INT32", "FP32"]
KINDS = {"BOOL": np.dtype("?"), "INT32": np.dtype("<i4"), "FP32": np.dtype("<f4")}
EMPTY_FINAL = "triton_enable_empty_final_response"
"""Parameter that has a generation end with an answer that says so, whatever is in it."""


class InputTensor(NamedTuple):
    """A tensor as it travels."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    raw: bytes
    """Numbers little-endian; strings each behind its length in 4 bytes."""


def infer_request(
    model: str, inputs: Iterable[InputTensor], event: str, *, streamed: bool = False
) -> service_pb2.ModelInferRequest:
    """Make the message that asks a model; it goes by the name of an event."""
    request = service_pb2.ModelInferRequest(model_name=model, id=event)
    for tensor in inputs:
        request.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        request.raw_input_contents.append(tensor.raw)
    if streamed:
        request.parameters[EMPTY_FINAL].bool_param = True
    return request


def embedder_inputs(texts: tuple[str, ...], kind: str, with_tokens: bool) -> list[InputTensor]:
    """Make the inputs of the embedder: a row a text, whatever is the same for all repeated."""
    rows = len(texts), 1
    return [
        _strings("text", rows, texts),
        _strings("kind", rows, (kind,) * len(texts)),
        _numbers("with_tokens", "BOOL", rows, (with_tokens,) * len(texts)),
    ]


def moderator_inputs(texts: tuple[str, ...], heads: tuple[str, ...]) -> list[InputTensor]:
    """Make the inputs of the moderator: a row a text, the names of the heads repeated."""
    rows = len(texts), 1
    return [
        _strings("text", rows, texts),
        _strings("heads", rows, (",".join(heads),) * len(texts)),
    ]


def chat_inputs(request: Generate) -> list[InputTensor]:
    """Make the inputs of the chat model; what the request leaves out is left to the model."""
    inputs = [
        _strings("prompt", (1,), (_whole(request),)),
        _numbers("max_tokens", "INT32", (1,), (request.max_tokens,)),
        _numbers("temperature", "FP32", (1,), (request.temperature,)),
        _numbers("seed", "INT32", (1,), (request.seed,)),
    ]
    if request.stop:
        inputs.append(_strings("stop", (len(request.stop),), request.stop))
    if request.json_schema:
        inputs.append(_strings("json_schema", (1,), (request.json_schema,)))
    return inputs


def vllm_inputs(request: Generate) -> list[InputTensor]:
    """Make the inputs of a model of Triton's vLLM backend."""
    sampling: dict[str, Any] = {
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
    }
    if request.stop:
        sampling["stop"] = list(request.stop)
    if request.json_schema:
        sampling["guided_decoding"] = json.dumps({"json": schema_of(request)})
    flags = ("stream", "exclude_input_in_output", "return_finish_reason")
    counts = ("return_num_input_tokens", "return_num_output_tokens")
    return [
        _strings("text_input", (1,), (_whole(request),)),
        *(_numbers(name, "BOOL", (1,), (True,)) for name in (*flags, *counts)),
        _strings("sampling_parameters", (1,), (json.dumps(sampling),)),
    ]


def tensorrt_llm_inputs(request: Generate) -> list[InputTensor]:
    """Make the inputs of an ensemble, or a `tensorrt_llm_bls`, of the TensorRT-LLM backend."""
    one = (1, 1)
    inputs = [
        _strings("text_input", one, (_whole(request),)),
        _numbers("max_tokens", "INT32", one, (request.max_tokens,)),
        _numbers("stream", "BOOL", one, (True,)),
        _numbers("temperature", "FP32", one, (request.temperature,)),
    ]
    if request.stop:
        inputs.append(_strings("stop_words", (1, len(request.stop)), request.stop))
    if request.json_schema:
        inputs.append(_strings("guided_decoding_guide_type", one, ("json_schema",)))
        inputs.append(_strings("guided_decoding_guide", one, (request.json_schema,)))
    return inputs


def schema_of(request: Generate) -> Any:
    """Read the schema of a request; raises Permanent where it is no JSON."""
    try:
        return json.loads(request.json_schema)
    except (ValueError, RecursionError):
        raise Permanent("a response schema is no JSON: write it as a JSON schema") from None


def _whole(request: Generate) -> str:
    """Return the prompt of a model that takes no instructions apart."""
    return f"{request.system}\n\n{request.prompt}" if request.system else request.prompt


def _numbers(
    name: str, datatype: Datatype, shape: tuple[int, ...], values: Sequence[float]
) -> InputTensor:
    return InputTensor(name, datatype, shape, np.array(values, KINDS[datatype]).tobytes())


def _strings(name: str, shape: tuple[int, ...], values: Sequence[str]) -> InputTensor:
    """Make a tensor of strings, encoded as UTF-8."""
    encoded = [value.encode() for value in values]
    raw = b"".join([part for one in encoded for part in (len(one).to_bytes(4, "little"), one)])
    return InputTensor(name, "BYTES", shape, raw)
