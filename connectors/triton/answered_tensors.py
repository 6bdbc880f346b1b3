"""Read the tensors of an answer straight from Triton's protocol.

Why it is so: a generation answers a message a token. The client makes an array of objects out of
each string and of each number in it, by copying shape and bytes: 75 to 150 µs of the event loop's
thread a token, as much as the worker's own work on an answer. What lies in the message is a length
and the bytes behind it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import service_pb2
from tritonclient.utils import triton_to_np_dtype

from agents.errors import Transient

LENGTH_BYTES = 4  # before each string, little-endian


class AnsweredTensors:
    """The tensors of one answer, by name.

    Reading one raises Transient where it is missing or not whole: the server is another one, or
    broke in the middle.
    """

    def __init__(self, answer: service_pb2.ModelInferResponse) -> None:
        self._model = answer.model_name
        self._outputs = answer.outputs
        self._raw = answer.raw_output_contents
        self._places = {output.name: place for place, output in enumerate(answer.outputs)}

    def __contains__(self, name: str) -> bool:
        """Tell whether there is such a tensor."""
        return name in self._places

    def text(self, name: str) -> str:
        """Return the first string of a tensor."""
        place = self._place(name)
        if place < len(self._raw):
            raw = self._raw[place]
            end = LENGTH_BYTES + int.from_bytes(raw[:LENGTH_BYTES], "little")
            if LENGTH_BYTES <= end <= len(raw):
                return self._decoded(name, raw[LENGTH_BYTES:end])
        elif strings := self._outputs[place].contents.bytes_contents:  # of servers but Triton
            return self._decoded(name, strings[0])
        raise self._broken(name)

    def strings(self, name: str) -> list[bytes]:
        """Return all strings of a tensor, row by row."""
        place = self._place(name)
        if place >= len(self._raw):
            return list(self._outputs[place].contents.bytes_contents)
        raw, found, at = self._raw[place], [], 0
        while at < len(raw):
            begin = at + LENGTH_BYTES
            at = begin + int.from_bytes(raw[at:begin], "little")
            found.append(raw[begin:at])
        if at != len(raw):
            raise self._broken(name)
        return found

    def numbers(self, name: str) -> NDArray[Any]:
        """Return the numbers of a tensor in its shape, read-only."""
        place = self._place(name)
        output = self._outputs[place]
        kind = triton_to_np_dtype(output.datatype)
        if place >= len(self._raw) or kind is None:
            raise self._broken(name)
        try:
            numbers: NDArray[Any] = np.frombuffer(self._raw[place], kind).reshape(output.shape)
        except ValueError:
            raise self._broken(name) from None
        return numbers

    def number(self, name: str) -> int:
        """Return the first number of a tensor of whole ones."""
        numbers = self.numbers(name).reshape(-1)
        if not numbers.size:
            raise self._broken(name)
        return int(numbers[0])

    def _place(self, name: str) -> int:
        place = self._places.get(name)
        if place is None:
            raise Transient(f"{self._model} answered without {name}: another model has its name")
        return place

    def _decoded(self, name: str, string: bytes) -> str:
        try:
            return string.decode()
        except UnicodeDecodeError:
            raise self._broken(name) from None

    def _broken(self, name: str) -> Transient:
        return Transient(f"{self._model} answered a {name} that is not whole; try again")
