"""What the models are asked by peers, as Triton's own client takes it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from tritonclient.grpc import InferInput
from tritonclient.utils import deserialize_bytes_tensor

from connectors.triton.tensors import KINDS, InputTensor


def client_inputs(tensors: Iterable[InputTensor]) -> list[InferInput]:
    """Spell tensors for `InferenceServerClient`: the platform writes its messages without it."""
    return [_client_input(tensor) for tensor in tensors]


def _client_input(tensor: InputTensor) -> InferInput:
    if tensor.datatype == "BYTES":
        values = deserialize_bytes_tensor(tensor.raw)
    else:
        values = np.frombuffer(tensor.raw, KINDS[tensor.datatype])
    taken = InferInput(tensor.name, list(tensor.shape), tensor.datatype)
    taken.set_data_from_numpy(values.reshape(tensor.shape))
    return taken
