"""Conversations held in memory: by the steps themselves, over models that are none."""

import io
import json
import zlib

import numpy as np
import pytest
from rich.console import Console

from bench.child import MeasurementFailed
from bench.quality import rehearsal
from bench.quality.conversations import (
    ABSENT,
    FACT,
    FOLLOW_UP,
    SMALL_TALK,
    MachineDocument,
    Talk,
    TalkSet,
    TalkTurn,
)
from bench.quality.memory_stack import AnswerTrace, MemoryStack
from bench.quality.rehearsal import rehearse, show_rehearsals
from bench.quality.turn_stages import ANSWERED, NOT_FOUND
from connectors.documents import Documents
from connectors.keyring import Keyring
from schemas import (
    Classified,
    Classify,
    CountTokens,
    Detect,
    Detected,
    Embed,
    Embedded,
    HeadScore,
    HeadScores,
    Parse,
    Spans,
    TokenCounts,
)
from streams.settings import Settings

GUIDE = MachineDocument(
    "pump(1)",
    "text/plain",
    "The pump is a machine that lifts water.\n\nThe pump stops with status 124 if it times out.",
)
RIGHT = Talk(
    (
        TalkTurn("What is the pump?", FACT, (("machine",),)),
        TalkTurn("With which status does it stop?", FOLLOW_UP, (("124",),)),
    )
)
WRONG = Talk(
    (
        TalkTurn("Hello!", SMALL_TALK, (("hello",),)),
        TalkTurn("What is the pump?", FACT, (("engine",),)),
        TalkTurn("With which status does the pump stop?", ABSENT),
    ),
    needs="pump",
)
ELSEWHERE = Talk((TalkTurn("What is the tank?", FACT, (("box",),)),), needs="tank")


class HashedModels:
    """Vectors of the words of a text, nobody personal and nothing harmful."""

    def handlers(self):
        return {
            Embed: self.embed, Classify: self.classify, Detect: self.detect,
            CountTokens: self.count,
        }  # fmt: skip

    def stream_handlers(self):
        return {}

    async def close(self):
        pass

    async def embed(self, request, _call):
        rows = []
        for text in request.texts:
            row = np.zeros(384, "<f4")
            for word in text.lower().split():
                row[zlib.crc32(word.strip(".?").encode()) % 384] += 1
            rows.append((row / max(1.0, np.linalg.norm(row))).astype("<f4").tobytes())
        nothing = (b"",) * len(rows)
        return Embedded(vectors=tuple(rows), token_vectors=nothing, model="hashed", dimensions=384)

    async def classify(self, request, _call):
        scores = HeadScores(scores=tuple(HeadScore(head=one, score=0.0) for one in request.heads))
        return Classified(texts=(scores,) * len(request.texts), model="none")

    async def detect(self, request, _call):
        return Detected(texts=(Spans(spans=()),) * len(request.texts), model="none")

    async def count(self, request, _call):
        return TokenCounts(counts=tuple(len(text.split()) for text in request.texts))


class Readers(Documents):
    """Reads documents, and counts nothing."""

    def handlers(self):
        return {Parse: self.parse}


@pytest.fixture
async def stack(tmp_path):
    settings = Settings(run=tmp_path)
    keyring = Keyring(settings)
    made = MemoryStack(settings, (Readers(settings), HashedModels()), keyring)
    yield made
    await made.close()


@pytest.fixture
def documents(monkeypatch):
    given = [GUIDE]
    monkeypatch.setattr(rehearsal, "machine_documents", lambda _chosen: tuple(given))
    return given


def a_set(*talks):
    return TalkSet("our own", talks, (), ("", ""), ())


async def test_conversations_are_held_by_the_steps_and_wrong_turns_told_by_stage(stack, documents):
    made = await rehearse(stack, a_set(RIGHT, WRONG, ELSEWHERE))
    assert [talk.right for talk in made.talks] == [True, False]
    assert made.turns == 5
    assert [(one.talk, one.stage) for one in made.wrong] == [(2, NOT_FOUND), (2, ANSWERED)]
    document = json.loads(json.dumps(made.as_json()))
    assert document == {
        "set": "our own",
        "turns": 5,
        "right_turns": 3,
        "conversations": 2,
        "right_conversations": 1,
        "stages": {NOT_FOUND: 1, ANSWERED: 1},
    }


async def test_what_went_wrong_is_shown_where_it_is_asked_for(stack, documents):
    made = await rehearse(stack, a_set(RIGHT, WRONG))
    texts = []
    for wrong in (False, True):
        shown = io.StringIO()
        show_rehearsals([made], Console(file=shown, width=200), wrong=wrong)
        texts.append(shown.getvalue())
    assert all("1 of 2" in text and "3 of 5" in text for text in texts)
    assert "wanted engine" not in texts[0]
    assert "2. passage not found: What is the pump?" in texts[1]
    assert "wanted engine" in texts[1]
    assert "extractive: The pump is a machine" in texts[1]


async def test_a_follow_up_knows_its_conversation_alone(stack, documents):
    await stack.take_in("acme", documents)
    await stack.answer("acme", "one", "What is the pump?")
    follows = await stack.answer("acme", "one", "With which status does it stop?")
    alone = await stack.answer("acme", "two", "With which status does it stop?")
    assert "pump" in follows.rewritten.query
    assert alone.rewritten.query == "With which status does it stop?"
    assert "124" in follows.text
    assert any("124" in quote for quote in follows.quotes)


async def test_a_document_that_cannot_be_read_is_told(stack, documents):
    with pytest.raises(MeasurementFailed, match=r"^empty could not be ingested: .*no text"):
        await stack.take_in("acme", [MachineDocument("empty", "text/plain", " ")])


async def test_small_talk_and_what_is_refused_are_traced_too(stack, documents):
    await stack.take_in("acme", documents)
    hello = await stack.answer("acme", "one", "Hello!")
    assert (hello.rewritten.outcome, hello.finish_reason, hello.quotes) == (
        "small_talk",
        "small_talk",
        (),
    )
    gone = await stack.answer("acme", "one", "Who won the football world cup?")
    assert (gone.finish_reason, gone.quotes) == ("not_found", ())


def test_an_answer_that_was_taken_back_says_nothing():
    trace = AnswerTrace(redacted=None, rewritten=None, retrieved=None, released=None)
    assert (trace.text, trace.finish_reason, trace.quotes) == ("", "retracted", ())


@pytest.mark.parametrize(
    ("text", "known", "right"),
    [
        (
            "With which status does it stop if it times out?",
            True,
            True,
        ),  # once its document is named
        ("With which colour does it stop?", True, False),
        ("With which status does it stop?", False, False),  # no document holds it
    ],
)
async def test_a_follow_up_is_asked_once_more_of_the_document_that_holds_its_answer(
    stack, documents, text, known, right
):
    await stack.take_in("acme", documents)
    room = rehearsal._Room(stack, "acme", documents if known else [])
    turn = TalkTurn(text, FOLLOW_UP, (("124",),) if right or not known else (("no such",),))
    assert await room._is_right_named(1, turn) is right
