"""Models in a program of their own: a line asks, a line answers, and the same is asked once."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.child import MeasurementFailed
from bench.quality import model_program, served_models
from bench.quality.memory_stack import memory_stack
from bench.quality.served_models import ServedModels, installed_triton, started
from infra.local.parts import all_parts
from schemas import Classify, Embed
from streams.running.world import Call

CALL = Call("acme", 0, "r", "s", "e", "playhead.query.rewritten", 7)
PROGRAM = """
import base64, json, sys
asked = 0
for line in sys.stdin:
    if line == "end\\n":
        break
    asked += 1
    request = json.loads(line)
    count = len(request["texts"])
    row = base64.b64encode(bytes([asked, 0, 0, 0])).decode()
    if "heads" in request:
        answer = {"scores": [[0.25] * len(request["heads"])] * count, "model": "h"}
    else:
        token = base64.b64encode(json.dumps(request).encode()).decode()
        places = [10 * asked + place for place in range(count)]
        answer = {"vectors": [row] * count, "token_vectors": [token] * count, "counts": places, "model": "m"}
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def program():
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.fixture
async def models(program):
    made = ServedModels(program)
    made.program = program
    yield made
    await made.close()
    assert program.returncode == 0
    assert program.stdout.closed


async def test_new_texts_are_embedded_together_and_each_once(models):
    embed = models.handlers()[Embed]
    asked = Embed(texts=("one", "two", "one"), kind="query", token_vectors=True)
    answer = await embed(asked, CALL)
    assert answer.counts == (10, 11, 10)
    assert (answer.model, answer.dimensions) == ("m", 1)
    assert json.loads(answer.token_vectors[0]) == {
        "texts": ["one", "two"],
        "query": True,
        "with_tokens": True,
    }
    assert await embed(asked, CALL) == answer
    more = await embed(Embed(texts=("three", "two"), kind="query", token_vectors=True), CALL)
    assert more.counts == (20, 11)
    passage = await embed(Embed(texts=("one",), kind="passage"), CALL)
    assert (passage.counts, passage.token_vectors) == ((30,), ())


async def test_texts_are_scored_by_the_heads_that_are_named(models):
    asked = Classify(texts=("one", "two"), heads=("harm", "order"))
    answer = await models.handlers()[Classify](asked, CALL)
    scores = [[(one.head, one.score) for one in text.scores] for text in answer.texts]
    assert scores == [[("harm", 0.25), ("order", 0.25)]] * 2


async def test_a_program_that_ended_is_told(models):
    models.program.stdin.write("end\n")
    models.program.stdin.flush()
    models.program.wait()
    for _ in range(2):
        with pytest.raises(MeasurementFailed, match="ended"):
            await models.handlers()[Embed](Embed(texts=("one",), kind="query"), CALL)


class Row:
    """What an encoder returns."""

    def __init__(self, text, with_tokens):
        self.vector, self.tokens = self, len(text)
        self.token_vectors = b"t" if with_tokens else b""

    def tobytes(self):
        return b"v"


class Encoder:
    """Remembers what it is asked."""

    model = "m"

    def __init__(self):
        self.asked = []

    def encode(self, text, *, query, with_tokens):
        self.asked.append((text, query, with_tokens))
        return Row(text, with_tokens)


class Heads:
    """Scores by the length of the name of a head."""

    model = "h"

    def scores(self, text, names, encode):
        encode(text)
        return [len(name) / 10 for name in names]


def test_the_program_asks_the_models_as_triton_does():
    encoder = Encoder()
    asked = {"texts": ["one"], "query": True, "with_tokens": True}
    assert model_program.embedded(encoder, asked) == {
        "vectors": [base64.b64encode(b"v").decode()],
        "token_vectors": [base64.b64encode(b"t").decode()],
        "counts": [3],
        "model": "m",
    }
    scored = model_program.scored(encoder, Heads(), {"texts": ["one"], "heads": ["harm"]})
    assert scored == {"scores": [[0.4]], "model": "h"}
    assert encoder.asked == [("one", True, True), ("one", False, False)]


# ---------------------------------------------------------------------- the installed part


class Absent:
    """A part that was never made."""

    present = False
    place = Path("/nowhere")


class Present(Absent):
    """One that was."""

    present = True


async def test_without_the_installed_models_nothing_is_begun(monkeypatch):
    monkeypatch.setattr(served_models, "all_parts", lambda: {"triton": Absent()})
    with pytest.raises(MeasurementFailed, match="playhead parts"):
        installed_triton()
    with pytest.raises(MeasurementFailed, match="playhead parts"):
        async with memory_stack():
            pass
    monkeypatch.setattr(served_models, "all_parts", lambda: {"triton": Present()})
    assert installed_triton() == Present.place


def test_the_program_runs_in_the_parts_own_environment(monkeypatch):
    asked = []
    monkeypatch.setattr(subprocess, "Popen", lambda *given, **how: asked.append((given, how)))
    started(Path("/part"))
    [(([python, *arguments],), how)] = asked
    assert python == "/part/venv/bin/python"
    assert arguments[:2] == ["-m", "bench.quality.model_program"]
    assert str(arguments[2]).startswith("/part/models-data/")
    assert (Path(arguments[3]) / "embedder" / "1" / "encoder.py").exists()
    first, own = how["env"]["PYTHONPATH"].split(":")
    assert first.startswith("/part/venv/")
    assert (Path(own) / "bench" / "quality" / "model_program.py").exists()


@pytest.mark.slow  # loads the real models
@pytest.mark.skipif(not all_parts()["triton"].present, reason="the models are not installed")
async def test_the_real_models_answer_as_those_that_triton_serves():
    made = ServedModels(started(installed_triton()))
    try:
        texts = ("What is a pump?", "A pump lifts water.", "Nobody swims in winter.")
        embed, classify = made.handlers()[Embed], made.handlers()[Classify]
        answer = await embed(Embed(texts=texts, kind="passage", token_vectors=True), CALL)
        scored = await classify(Classify(texts=texts[:2], heads=("harm", "injection")), CALL)
    finally:
        await made.close()
    rows = np.stack([np.frombuffer(vector, "<f4") for vector in answer.vectors])
    similar = rows @ rows.T
    assert answer.dimensions == 384
    assert np.diag(similar) == pytest.approx(1.0, abs=1e-3)
    assert similar[0, 1] > similar[0, 2]
    assert all(answer.token_vectors)
    assert all(one.score < 0.5 for text in scored.texts for one in text.scores)
