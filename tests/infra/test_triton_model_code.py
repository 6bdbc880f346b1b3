"""The code of the models without Triton: order, refusals and endings. Their figures: test_triton_models.py."""

import importlib.util
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def loaded(model, monkeypatch, **libraries):
    """Load a model's code beside stand-ins for the libraries that its own environment has."""
    for name, library in {"triton_python_backend_utils": backend(), **libraries}.items():
        monkeypatch.setitem(sys.modules, name, library)
    spec = importlib.util.spec_from_file_location(model, MODELS / model / "1" / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---------------------------------------------------------------------- the embedder


class FakeEncoder:
    """Encodes a text as its length; "slow" waits until it is let go, "broken" fails."""

    def __init__(self, folder):
        self.model, self.seen = f"{folder.name}@1", []
        self.go, self.busy = threading.Event(), threading.Event()

    def encode(self, text, *, query, with_tokens):
        self.seen.append(text)
        if text == "slow":
            self.busy.set()
            assert self.go.wait(10)
        if text == "broken":
            raise RuntimeError("a text of a person")
        return SimpleNamespace(
            vector=np.full(3, len(text), "<f4"),
            token_vectors=b"packed" if with_tokens else b"",
            tokens=len(text),
            truncated=query,
        )


@pytest.fixture
def embedder(monkeypatch):
    monkeypatch.setenv("PLAYHEAD_EMBEDDER_FOLDER", "/models/tiny")
    monkeypatch.setenv("PLAYHEAD_EMBED_THREADS", "1")
    code = loaded(
        "embedder", monkeypatch, encoder=SimpleNamespace(Encoder=FakeEncoder, Encoding=object)
    )
    model = code.TritonPythonModel()
    model.initialize({})
    yield model
    model.encoder.go.set()
    model.finalize()


def embed(*texts, kind="passage", with_tokens=False, sender=None):
    return FakeRequest(
        sender,
        text=np.array([[text.encode()] for text in texts], object),
        kind=np.array([[kind.encode()]] * len(texts), object),
        with_tokens=np.full((len(texts), 1), with_tokens),
    )


def answered(model, request):
    model.execute([request])
    assert request.sender.ended.wait(10)
    return request.sender


def test_rows_come_in_the_order_of_the_texts(embedder):
    [answer] = answered(embedder, embed("ccc", "a", "bb", with_tokens=True)).sent
    assert answer["vector"][:, 0].tolist() == [3, 1, 2]
    assert answer["tokens"].tolist() == [[3], [1], [2]]
    assert answer["token_vectors"].tolist() == [[b"packed"]] * 3
    assert answer["model"].tolist() == [[b"tiny@1"]] * 3
    assert answer["truncated"].tolist() == [[False]] * 3


def test_a_query_waits_for_no_passage(embedder):
    embedder.execute([embed("slow", "next")])
    assert embedder.encoder.busy.wait(10)
    assert answered(embedder, embed("q", kind="query")).sent
    assert "next" not in embedder.encoder.seen


def test_passages_are_served_first_come_first_served(embedder):
    embedder.execute([embed("slow")])
    last = embed("c")
    embedder.execute([embed("a"), embed("b"), last])
    embedder.encoder.go.set()
    assert last.sender.ended.wait(10)
    assert embedder.encoder.seen == ["ready", "slow", "a", "b", "c"]


@pytest.mark.parametrize("kinds", [("other",), ("query", "passage"), ("",)])
def test_a_kind_that_is_unknown_or_mixed_is_refused(embedder, kinds):
    request = embed(*("x" for _ in kinds))
    request.values["kind"].values = np.array([[kind.encode()] for kind in kinds], object)
    [error] = answered(embedder, request).errors
    assert error.args == ("kind must be query or passage, the same for every text", "invalid")


def test_a_failure_is_answered_once_and_quotes_no_text(embedder):
    request = embed("broken", "broken", "fine")
    [error] = answered(embedder, request).errors
    assert error.args == ("RuntimeError while encoding", "internal")
    assert answered(embedder, embed("after")).sent  # and the thread lives on
    assert request.sender.flags == [FINAL]


def test_whoever_went_away_is_not_worked_for(embedder):
    [error] = answered(embedder, embed("a", "b", sender=FakeSender(gone=True))).errors
    assert error.args == ("the client went away", "cancelled")
    assert answered(embedder, embed("after")).sent
    assert not {"a", "b"} & set(embedder.encoder.seen)


def test_what_is_queued_is_answered_before_the_end(embedder):
    request = embed(*"abcdef")
    embedder.execute([request])
    ending = threading.Thread(target=embedder.finalize)
    ending.start()
    ending.join(10)
    assert not ending.is_alive()
    assert request.sender.sent
    embedder.threads = []


# ---------------------------------------------------------------------- the chat model


@pytest.fixture
def chat(monkeypatch):
    """The chat model's code; its model object has a server of the test's own."""
    return loaded("chat", monkeypatch, xllamacpp=SimpleNamespace())


def chatting(chat, parts):
    """A chat model whose llama.cpp yields parts, and stops where it is told to."""
    model = chat.TritonPythonModel()
    model.model = "tiny@1"

    def complete(_completion, on_part):
        for part in parts:
            if isinstance(part, Exception):
                raise part
            if on_part(part):
                return

    model.server = SimpleNamespace(handle_completions=complete)
    return model


def part(text, finish="", **usage):
    given = {"choices": [{"text": text, "finish_reason": finish or None}]}
    return {**given, "usage": usage} if usage else given


def asked(**values):
    spelt = {
        name: np.array([value.encode()], object) if isinstance(value, str) else np.array([value])
        for name, value in {"prompt": "p", "max_tokens": 4, **values}.items()
    }
    return FakeRequest(**spelt)


def generated(model, sender=None):
    sender = sender or FakeSender()
    model.generate(sender, {})
    texts = [one["text"][0].decode() for one in sender.sent]
    [end] = sender.sent[-1].get("finish_reason", [b""])
    return texts, end.decode(), sender


def test_tokens_come_one_by_one_and_the_last_answer_says_how_it_ended(chat):
    usage = {"prompt_tokens": 5, "completion_tokens": 2}
    model = chatting(chat, [part("a"), part("b"), part("", "length", **usage)])
    texts, end, sender = generated(model)
    assert (texts, end) == (["a", "b", ""], "length")
    assert sender.flags == [0, 0, FINAL]
    assert sender.sent[-1]["prompt_tokens"].tolist() == [5]
    assert sender.sent[-1]["completion_tokens"].tolist() == [2]
    assert {one["model"][0] for one in sender.sent} == {b"tiny@1"}


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_client_that_leaves_stops_the_generation(chat, after):
    model = chatting(chat, [part(text) for text in "abcdef"])
    texts, end, _ = generated(model, FakeSender(leaves_after=after))
    assert len(texts) == after + 1  # and the end
    assert end == "cancelled"


@pytest.mark.parametrize(
    ("problem", "why"),
    [
        ({"error": {"message": "context size exceeded"}}, "context size exceeded"),
        ({"message": "odd"}, "odd"),
        ({}, "no message"),
    ],
)
def test_a_problem_of_llama_cpp_is_an_answer_that_refuses(chat, problem, why):
    texts, end, sender = generated(chatting(chat, [part("a"), problem, part("b")]))
    assert (texts, end) == (["a", why], "refused")
    assert sender.flags[-1] == FINAL


def test_a_crash_is_an_error_without_the_words_of_the_prompt(chat):
    _, _, sender = generated(chatting(chat, [part("a"), RuntimeError("a text of a person")]))
    [error] = sender.errors
    assert error.args == ("RuntimeError in llama.cpp", "internal")
    assert sender.flags[-1] == FINAL


def test_a_request_is_read_with_its_defaults(chat):
    assert chat.read(asked()) == {
        "prompt": "p",
        "n_predict": 4,
        "temperature": 0.0,
        "seed": 0,
        "stop": [],
        "cache_prompt": True,
        "stream": True,
    }


def test_every_option_of_a_request_is_read(chat):
    request = asked(temperature=0.5, seed=7, json_schema='{"type": "object"}')
    request.values["stop"] = FakeTensor("stop", np.array([b".", "ü".encode()], object))
    completion = chat.read(request)
    assert (completion["temperature"], completion["seed"]) == (0.5, 7)
    assert completion["stop"] == [".", "ü"]
    assert completion["json_schema"] == {"type": "object"}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"prompt": ""}, "prompt is empty"),
        ({"max_tokens": 0}, "max_tokens must be at least 1, not 0"),
        ({"max_tokens": -1}, "max_tokens must be at least 1"),
        ({"temperature": -0.1}, "temperature must be between 0 and 2"),
        ({"temperature": 2.1}, "temperature must be between 0 and 2"),
        ({"temperature": float("nan")}, "temperature must be between 0 and 2"),
        ({"json_schema": "{"}, "json_schema is not JSON"),
    ],
)
def test_a_request_out_of_bounds_is_refused_with_the_bound(chat, fields, why):
    with pytest.raises(ValueError, match=why):
        chat.read(asked(**fields))


def test_a_refused_request_takes_no_slot(chat):
    model = chatting(chat, [])
    model.pool = SimpleNamespace(submit=lambda *_: pytest.fail("a slot was taken"))
    request = asked(max_tokens=0)
    model.execute([request])
    assert request.sender.sent[-1]["finish_reason"].tolist() == [b"refused"]


@pytest.mark.parametrize(
    ("path", "name"),
    [("/m/SmolLM-135M/model.gguf", "SmolLM-135M"), ("/m/smol-q8.gguf", "smol-q8")],
)
def test_a_model_is_named_after_its_file_or_folder(chat, path, name):
    assert chat.name_of(Path(path)) == name


def test_versions_differ_by_size_head_or_tail(chat, tmp_path):
    head, tail = b"h" * chat.DIGESTED_BYTES, b"t" * chat.DIGESTED_BYTES
    digests = set()
    for content in (
        head + tail,
        head + b"-" + tail,
        b"x" + head[1:] + tail,
        head + tail[1:] + b"x",
        b"",
    ):
        path = tmp_path / "model.gguf"
        path.write_bytes(content)
        digests.add(chat.digest(path))
        assert chat.digest(path) == chat.digest(path)
    assert len(digests) == 5


# ---------------------------------------------------------------------- packing


def packing():
    spec = importlib.util.spec_from_file_location(
        "packing", MODELS / "embedder" / "1" / "token_vectors.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@given(st.integers(1, 60))
def test_packed_vectors_have_the_size_that_the_form_says(count):
    vectors = np.random.default_rng(count).standard_normal((count, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = -(-count // 2)
    assert len(packing().pack_passage(vectors)) == 3 + 2 * 384 + 2 * pairs + 48 * pairs
    assert len(packing().pack_query(vectors)) == 3 + 2 * count + 384 * count


def test_a_process_ends_with_its_server(chat, monkeypatch):
    """Killed, Triton leaves its stubs behind: each watches its parent."""
    ended = []
    monkeypatch.setattr(chat.os, "_exit", ended.append)
    monkeypatch.setattr(chat.os, "getppid", lambda: 1)
    chat.end_with(2)
    assert ended == [1]
