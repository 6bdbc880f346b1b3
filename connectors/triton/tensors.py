"""Spell requests as the tensors that the models' `config.pbtxt` declare."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import tritonclient.grpc as protocol
from numpy.typing import NDArray

from agents.errors import Permanent
from schemas import Generate


def embedder_inputs(texts: tuple[str, ...], kind: str, with_tokens: bool) -> list[Any]:
    """Make the inputs of the embedder: a row a text, whatever is the same for all repeated."""
    rows = len(texts)
    return [
        _input("text", "BYTES", _bytes([[text] for text in texts])),
        _input("kind", "BYTES", _bytes([[kind]] * rows)),
        _input("with_tokens", "BOOL", np.full((rows, 1), with_tokens)),
    ]


def moderator_inputs(texts: tuple[str, ...], heads: tuple[str, ...]) -> list[Any]:
    """Make the inputs of the moderator: a row a text, the names of the heads repeated."""
    return [
        _input("text", "BYTES", _bytes([[text] for text in texts])),
        _input("heads", "BYTES", _bytes([[",".join(heads)]] * len(texts))),
    ]


def chat_inputs(request: Generate) -> list[Any]:
    """Make the inputs of the chat model; what the request leaves out is left to the model."""
    inputs = [
        _input("prompt", "BYTES", _bytes([_whole(request)])),
        _input("max_tokens", "INT32", np.array([request.max_tokens], np.int32)),
        _input("temperature", "FP32", np.array([request.temperature], np.float32)),
        _input("seed", "INT32", np.array([request.seed], np.int32)),
    ]
    if request.stop:
        inputs.append(_input("stop", "BYTES", _bytes(list(request.stop))))
    if request.json_schema:
        inputs.append(_input("json_schema", "BYTES", _bytes([request.json_schema])))
    return inputs


def vllm_inputs(request: Generate) -> list[Any]:
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
        _input("text_input", "BYTES", _bytes([_whole(request)])),
        *(_input(name, "BOOL", np.array([True])) for name in (*flags, *counts)),
        _input("sampling_parameters", "BYTES", _bytes([json.dumps(sampling)])),
    ]


def tensorrt_llm_inputs(request: Generate) -> list[Any]:
    """Make the inputs of an ensemble, or a `tensorrt_llm_bls`, of the TensorRT-LLM backend."""
    inputs = [
        _input("text_input", "BYTES", _bytes([[_whole(request)]])),
        _input("max_tokens", "INT32", np.array([[request.max_tokens]], np.int32)),
        _input("stream", "BOOL", np.array([[True]])),
        _input("temperature", "FP32", np.array([[request.temperature]], np.float32)),
    ]
    if request.stop:
        inputs.append(_input("stop_words", "BYTES", _bytes([list(request.stop)])))
    if request.json_schema:
        inputs.append(_input("guided_decoding_guide_type", "BYTES", _bytes([["json_schema"]])))
        inputs.append(_input("guided_decoding_guide", "BYTES", _bytes([[request.json_schema]])))
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


def _input(name: str, datatype: str, values: NDArray[Any]) -> Any:
    tensor = protocol.InferInput(name, list(values.shape), datatype)
    tensor.set_data_from_numpy(values)
    return tensor


def _bytes(values: list[Any]) -> NDArray[np.object_]:
    """Make a tensor of strings, encoded as UTF-8."""
    tensor: NDArray[np.object_] = np.vectorize(str.encode, otypes=[object])(values)
    return tensor
