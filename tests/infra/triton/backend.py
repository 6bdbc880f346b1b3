"""What Triton's Python stub gives a model to work with, for tests of the models' own code."""

import importlib.util
import sys
import threading
from types import SimpleNamespace

from infra.triton.launch import MODELS

FINAL = 1


class FakeTensor:
    def __init__(self, name, values):
        self.name, self.values = name, values

    def as_numpy(self):
        return self.values


class FakeSender:
    """Keeps what is sent; may say that the asker is gone."""

    def __init__(self, *, gone=False, leaves_after=None):
        self.sent, self.flags, self.errors = [], [], []
        self.gone, self._leaves_after = gone, leaves_after
        self.ended = threading.Event()

    def is_cancelled(self):
        return self.gone or len(self.sent) == self._leaves_after

    def send(self, response, flags=0):
        self.flags.append(flags)
        if response.error:
            self.errors.append(response.error)
        else:
            self.sent.append({tensor.name: tensor.values for tensor in response.tensors})
        if flags == FINAL:
            self.ended.set()


class FakeRequest:
    def __init__(self, sender=None, **values):
        self.values = {name: FakeTensor(name, value) for name, value in values.items()}
        self.sender = sender or FakeSender()

    def get_response_sender(self):
        return self.sender


class FakeError(Exception):
    INVALID_ARG, CANCELLED, INTERNAL = "invalid", "cancelled", "internal"


def backend():
    """What Triton's Python stub gives a model to work with."""
    return SimpleNamespace(
        TRITONSERVER_RESPONSE_COMPLETE_FINAL=FINAL,
        Tensor=FakeTensor,
        TritonError=FakeError,
        InferenceResponse=lambda output_tensors=(), error=None: SimpleNamespace(
            tensors=output_tensors, error=error
        ),
        get_input_tensor_by_name=lambda request, name: request.values.get(name),
    )


def loaded(model, monkeypatch, models=MODELS, **libraries):
    """Load a model's code beside stand-ins for the libraries that its own environment has."""
    for name, library in {"triton_python_backend_utils": backend(), **libraries}.items():
        monkeypatch.setitem(sys.modules, name, library)
    spec = importlib.util.spec_from_file_location(model, models / model / "1" / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
