"""What a reader had been shown at an instant goes by when the broker had each record."""

import pytest
from msgspec.structs import replace

from edge.answering.view import AnswerView
from edge.auditing.answer_moments import answer_moments
from edge.listening.entries import Entry
from schemas import Ask, ChunksRetrieved, QuestionAsked, QuestionRedacted, Sealed
from tests.edge.fake_log import Answers
from tests.fakes import a_meta

SEALED = Sealed(key="user/u", event="e", field="text", ciphertext=b"x")
QUESTION = QuestionAsked(meta=a_meta(request="r-1"), text=SEALED, subject="u", ask=Ask())
ANSWERS = Answers(QUESTION)


def entries(*written):
    """Records with the times at which the broker had them; each topic has its own offsets."""
    counts = {}
    for time_ms, event in written:
        offset = counts[type(event)] = counts.get(type(event), -1) + 1
        yield Entry(event, 0, offset, time_ms)


def told(*written):
    view = AnswerView("r-1", "s-1", 0, lambda _: {})
    moments = answer_moments(view, reversed(list(entries(*written))))
    return [(one["at_us"], one["type"], one.get("text")) for one in moments]


def retrieved():
    common = {"subject": "u", "question": "q", "query": "q", "ask": Ask()}
    return ChunksRetrieved(meta=ANSWERS.meta("retrieve", 0), outcome="retrieved", **common)


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        pytest.param(
            [
                (1, retrieved()),
                (2, ANSWERS.tokens("VAT ", 0)),
                (3, ANSWERS.tokens("is due.", 1)),
                (4, ANSWERS.released("VAT is due.", 1)),
                (9, ANSWERS.retracted("no", 1)),
            ],
            [(1_000, "step"), (2_000, "delta"), (3_000, "delta"), (4_000, "completed"), (9_000, "retracted")],
            id="in order",
        ),
        pytest.param(
            [(5, ANSWERS.tokens("VAT ", 0)), (2, ANSWERS.tokens("is due.", 1))],
            [(5_000, "delta"), (5_000, "delta")],
            id="a clock that ran backwards",
        ),
        pytest.param(
            [
                (2, ANSWERS.tokens("VAT ", 0)),
                (3, ANSWERS.released("VAT is due.", 1)),
                (4, ANSWERS.tokens("is due.", 1)),
            ],
            [(2_000, "delta"), (4_000, "delta"), (4_000, "completed")],
            id="closed before its text",
        ),
        pytest.param(
            [
                (2, ANSWERS.tokens("VAT ", 0)),
                (3, replace(ANSWERS.tokens("No ", 2), restart=True)),
                (4, ANSWERS.released("No VAT.", 2)),
            ],
            [(2_000, "delta"), (3_000, "restarted"), (3_000, "delta"), (4_000, "restarted"), (4_000, "delta"), (4_000, "completed")],
            id="begun anew, and never whole",
        ),
        pytest.param([(1, QUESTION)], [], id="nothing yet"),
    ],
)  # fmt: skip
def test_frames_come_when_their_records_could_be_seen(written, seen):
    assert [(at, kind) for at, kind, _ in told(*written)] == seen


def test_what_no_reader_is_sent_says_nothing():
    redacted = QuestionRedacted(
        meta=a_meta(request="r-1"), outcome="redacted", subject="u", text="q", ask=Ask()
    )
    assert told((7, redacted), (2, ANSWERS.tokens("VAT", 0))) == [(2_000, "delta", "VAT")]
