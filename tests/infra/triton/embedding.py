"""The embedder's code over a backend and an encoder that are none; test_server_contract.py holds all to the server."""

import threading
from types import SimpleNamespace

import numpy as np

from tests.infra.triton.backend import FakeRequest, loaded


class FakeEncoder:
    """Encodes a text as its length; "slow" waits until it is let go, "broken" fails."""

    def __init__(self, folder):
        self.model, self.seen = f"{folder.name}@1", []
        self.go, self.busy = threading.Event(), threading.Event()

    def encode(self, text, *, query, with_tokens):
        self.seen.append(text)
        if text == "slow":
            self.busy.set()
            assert self.go.wait(60)  # longer than anybody waits for an answer
        if text == "broken":
            raise RuntimeError("a text of a person")
        return SimpleNamespace(
            vector=np.full(3, len(text), "<f4"),
            token_vectors=b"packed" if with_tokens else b"",
            tokens=len(text),
            truncated=query,
        )


def an_embedder(monkeypatch):
    monkeypatch.setenv("PLAYHEAD_EMBEDDER_FOLDER", "/models/tiny")
    monkeypatch.setenv("PLAYHEAD_EMBED_THREADS", "1")
    code = loaded(
        "embedder", monkeypatch, encoder=SimpleNamespace(Encoder=FakeEncoder, Encoding=object)
    )
    model = code.TritonPythonModel()
    model.initialize({})
    return model


def embed(*texts, kind="passage", with_tokens=False, sender=None):
    return FakeRequest(
        sender,
        text=np.array([[text.encode()] for text in texts], object),
        kind=np.array([[kind.encode()]] * len(texts), object),
        with_tokens=np.full((len(texts), 1), with_tokens),
    )
