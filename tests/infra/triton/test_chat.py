"""The chat model's code without Triton: order, refusals and endings. Its figures: triton/test_models.py."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.infra.triton.backend import FINAL, FakeRequest, FakeSender, FakeTensor, loaded


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


@pytest.mark.parametrize("number", [0, -(2**63), 2**64 - 1])
def test_numbers_of_64_bits_are_taken(chat, number):
    completion = chat.read(asked(json_schema=f'{{"minimum": {number}}}'))
    assert completion["json_schema"] == {"minimum": number}


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
        ({"json_schema": "[" * 100_000}, "json_schema is not JSON"),
        ({"json_schema": f'{{"minimum": {2**64}}}'}, "a number of 20 digits is above 64 bits"),
        ({"json_schema": f'{{"minimum": {-(2**63) - 1}}}'}, "above 64 bits"),
        ({"json_schema": '{"maximum": ' + "9" * 5_000 + "}"}, "a number of 5000 digits"),
        ({"json_schema": '{"enum": ["\\ud800"]}'}, "half a character"),
        ({"json_schema": '{"\\ud800": 1}'}, "half a character"),
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


def test_a_process_ends_with_its_server(chat, monkeypatch):
    """Killed, Triton leaves its stubs behind: each watches its parent."""
    ended = []
    monkeypatch.setattr(chat.os, "_exit", ended.append)
    monkeypatch.setattr(chat.os, "getppid", lambda: 1)
    chat.end_with(2)
    assert ended == [1]
