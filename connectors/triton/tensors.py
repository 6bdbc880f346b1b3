"""Spell requests as the tensors that the models' `config.pbtxt` declare."""

from __future__ import annotations

from typing import Any

import numpy as np
import tritonclient.grpc as protocol
from numpy.typing import NDArray

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
        _input("prompt", "BYTES", _bytes([request.prompt])),
        _input("max_tokens", "INT32", np.array([request.max_tokens], np.int32)),
        _input("temperature", "FP32", np.array([request.temperature], np.float32)),
        _input("seed", "INT32", np.array([request.seed], np.int32)),
    ]
    if request.stop:
        inputs.append(_input("stop", "BYTES", _bytes(list(request.stop))))
    if request.json_schema:
        inputs.append(_input("json_schema", "BYTES", _bytes([request.json_schema])))
    return inputs


def _input(name: str, datatype: str, values: NDArray[Any]) -> Any:
    tensor = protocol.InferInput(name, list(values.shape), datatype)
    tensor.set_data_from_numpy(values)
    return tensor


def _bytes(values: list[Any]) -> NDArray[np.object_]:
    """Make a tensor of strings, encoded as UTF-8."""
    tensor: NDArray[np.object_] = np.vectorize(str.encode, otypes=[object])(values)
    return tensor
