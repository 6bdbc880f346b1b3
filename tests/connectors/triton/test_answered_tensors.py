"""Answers of Triton: read as its client reads them, whatever they hold, and refused where they are broken."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tritonclient.grpc import InferResult, service_pb2

from agents.errors import Transient
from connectors.triton.answered_tensors import AnsweredTensors
from tests.connectors.triton.server import add

NUMBERS = {
    "BOOL": (np.bool_, st.booleans()),
    "INT32": (np.int32, st.integers(-(2**31), 2**31 - 1)),
    "UINT32": (np.uint32, st.integers(0, 2**32 - 1)),
    "INT64": (np.int64, st.integers(-(2**63), 2**63 - 1)),
    "FP32": (np.float32, st.floats(width=32, allow_nan=False)),
    "FP64": (np.float64, st.floats(allow_nan=False)),
}
STRINGS = st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=9), min_size=1)


@st.composite
def tensors(draw):
    """Datatype and values of a tensor of some rows."""
    datatype = draw(st.sampled_from(["BYTES", *NUMBERS]))
    if datatype == "BYTES":
        strings = [one.encode() for one in draw(STRINGS)]
        array = np.empty(len(strings), object)
        array[:] = strings
    else:
        kind, numbers = NUMBERS[datatype]
        array = np.array(draw(st.lists(numbers, min_size=1, max_size=6)), kind)
    return datatype, array.reshape(draw(st.sampled_from([(-1,), (-1, 1), (1, -1)])))


@given(st.dictionaries(st.sampled_from("abcd"), tensors(), min_size=1))
def test_tensors_are_read_as_the_client_reads_them(held):
    response = service_pb2.ModelInferResponse(model_name="m")
    for name, (datatype, array) in held.items():
        add(response, name, datatype, array)
    ours, client = AnsweredTensors(response), InferResult(response)
    for name, (datatype, array) in held.items():
        read = client.as_numpy(name)
        if datatype == "BYTES":
            assert ours.strings(name) == read.reshape(-1).tolist()
            assert ours.text(name) == read.reshape(-1)[0].decode()
            continue
        numbers = ours.numbers(name)
        assert (
            (numbers.shape, numbers.dtype) == (read.shape, read.dtype) == (array.shape, array.dtype)
        )
        assert numbers.tolist() == read.tolist()
        if not datatype.startswith("FP"):
            assert ours.number(name) == int(read.reshape(-1)[0])
    assert "e" not in ours
    assert all(name in ours for name in held)


def test_strings_that_do_not_travel_as_bytes_are_read_too():
    response = service_pb2.ModelInferResponse(model_name="m")
    output = response.outputs.add(name="text", datatype="BYTES", shape=[2])
    output.contents.bytes_contents.extend([b"one", b"two"])
    ours = AnsweredTensors(response)
    assert (ours.text("text"), ours.strings("text")) == ("one", [b"one", b"two"])


@pytest.mark.parametrize(
    ("datatype", "raw", "read"),
    [
        ("BYTES", b"", "text"),
        ("BYTES", b"\1\0", "text"),
        ("BYTES", b"\xff\xff\xff\xffab", "text"),
        ("BYTES", b"\2\0\0\0\xff\xfe", "text"),
        ("BYTES", b"\3\0\0\0ab", "strings"),
        ("BYTES", b"\1\0\0\0a\1", "strings"),
        ("BYTES", b"\1\0\0\0a", "numbers"),
        ("INT32", b"\1\0\0", "number"),
        ("INT32", b"\1\0\0\0" * 2, "number"),
        ("INT32", None, "number"),
        ("ODD", b"\1\0\0\0", "numbers"),
    ],
)
def test_what_is_not_whole_is_said_to_be_so(datatype, raw, read):
    response = service_pb2.ModelInferResponse(model_name="m")
    response.outputs.add(name="a", datatype=datatype, shape=[1])
    if raw is not None:
        response.raw_output_contents.append(raw)
    with pytest.raises(Transient, match="m answered a a that is not whole"):
        getattr(AnsweredTensors(response), read)("a")


def test_a_tensor_of_no_numbers_has_no_first_one():
    response = service_pb2.ModelInferResponse(model_name="m")
    add(response, "a", "INT32", np.empty((0, 1), np.int32))
    with pytest.raises(Transient, match="not whole"):
        AnsweredTensors(response).number("a")


@pytest.mark.parametrize("read", ["text", "strings", "numbers", "number"])
def test_a_tensor_that_is_missing_is_named(read):
    with pytest.raises(Transient, match="m answered without b: another model has its name"):
        getattr(AnsweredTensors(service_pb2.ModelInferResponse(model_name="m")), read)("b")
