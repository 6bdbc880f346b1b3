"""Records to frames: order, attempts, placeholders, cursors."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.answering.cursors import cursor_of, in_reading_order, sent_by
from edge.answering.view import AnswerView
from edge.entries import Entry
from edge.problems import Problem
from schemas import Ask, EventRejected, MapEntry, QuestionAsked, Sealed
from streams.topics import topic_of
from tests.edge.fake_log import Answers, a_citation
from tests.fakes import a_meta

QUESTION = QuestionAsked(
    meta=a_meta(),
    subject="sub",
    text=Sealed(key="user/sub", event="e", field="text", ciphertext=b""),
    ask=Ask(),
)
ANSWERS = Answers(QUESTION)
NAMES = {"<PERSON_1>": "Jane Doe"}
ENTRY = MapEntry(placeholder="<PERSON_1>", kind="PERSON", digest="d", value=QUESTION.text)


def entries_of(events):
    offsets = {}
    found = []
    for event in events:
        offset = offsets[topic_of(event)] = offsets.get(topic_of(event), -1) + 1
        found.append(Entry(event, 0, offset, 0))
    return found


def a_view(seen=None, values=None):
    return AnswerView("r-1", "s-1", 0, lambda _: values or {}, seen)


def frames_of(events, **kwargs):
    one = a_view(**kwargs)
    return [frame for entry in entries_of(events) for frame in one.take(entry)]


def shape(frames):
    return [(frame["type"], frame.get("text", "")) for frame in frames]


def shown(frames):
    """What a reader has before its eyes after some frames."""
    text = ""
    for frame in frames:
        match frame["type"]:
            case "delta":
                text += frame["text"]
            case "restarted" | "retracted":
                text = ""
            case "completed":
                assert frame["text"] == text
    return text


def test_deltas_come_in_order_and_the_completed_frame_agrees_with_them():
    frames = frames_of(ANSWERS.whole("VAT ", "is due.", citations=(a_citation(),)))
    assert shape(frames) == [("delta", "VAT "), ("delta", "is due."), ("completed", "VAT is due.")]
    completed = frames[-1]
    assert completed["usage"] == {"prompt_tokens": 7, "completion_tokens": 3}
    assert completed["finish_reason"] == "stop"
    assert completed["degraded"] == []
    assert completed["citations"] == [
        {
            "document_id": "d-1",
            "chunk_id": "c-1",
            "title": "VAT",
            "uri": "file:vat",
            "quote": "VAT is due.",
        }
    ]
    assert all(frame["request_id"] == "r-1" and frame["cursor"] for frame in frames)


def test_a_closing_record_that_is_read_early_waits_for_its_text():
    first, second, closing = ANSWERS.whole("VAT ", "is due.")
    frames = frames_of([first, closing, second])
    assert shape(frames) == [("delta", "VAT "), ("delta", "is due."), ("completed", "VAT is due.")]


def test_a_closing_record_without_its_text_stands_alone_in_the_end():
    first, _, closing = ANSWERS.whole("VAT ", "is due.")
    one = a_view()
    for entry in entries_of([first, closing]):
        one.take(entry)
    assert one.held
    assert shape(one.settle()) == [
        ("restarted", ""),
        ("delta", "VAT is due."),
        ("completed", "VAT is due."),
    ]


def test_the_first_record_with_an_id_wins():
    first, second, closing = ANSWERS.whole("VAT ", "is due.")
    frames = frames_of([first, first, second, first, closing, closing])
    assert shape(frames) == [("delta", "VAT "), ("delta", "is due."), ("completed", "VAT is due.")]


def test_a_later_attempt_with_the_same_text_is_not_shown_twice():
    first = ANSWERS.tokens("VAT ", 0)
    again = ANSWERS.tokens("VAT ", 0, attempt=2)
    frames = frames_of([first, again, ANSWERS.released("VAT ", 0)])
    assert shape(frames) == [("delta", "VAT "), ("completed", "VAT ")]


def test_a_later_attempt_with_another_text_starts_over():
    records = [
        ANSWERS.tokens("VAT ", 0),
        ANSWERS.tokens("was ", 1),
        ANSWERS.tokens("is due.", 1, attempt=2),
        ANSWERS.released("VAT is due.", 1),
    ]
    frames = frames_of(records)
    assert shape(frames) == [
        ("delta", "VAT "),
        ("delta", "was "),
        ("restarted", ""),
        ("delta", "VAT is due."),
        ("completed", "VAT is due."),
    ]


def test_a_restart_voids_what_came_from_earlier_inputs():
    records = [
        ANSWERS.tokens("wrong ", 0),
        ANSWERS.tokens("right ", 5, restart=True),
        ANSWERS.tokens("late", 1),
        ANSWERS.tokens("answer", 6),
        ANSWERS.released("right answer", 6),
    ]
    frames = frames_of(records)
    assert shape(frames) == [
        ("delta", "wrong "),
        ("restarted", ""),
        ("delta", "right "),
        ("delta", "answer"),
        ("completed", "right answer"),
    ]


def test_a_restart_before_anything_was_shown_is_not_told():
    frames = frames_of([ANSWERS.tokens("a", 0, restart=True), ANSWERS.released("a", 0)])
    assert shape(frames) == [("delta", "a"), ("completed", "a")]


def test_a_retraction_removes_the_answer_before_and_after_it_was_closed():
    whole = ANSWERS.whole("bad ", "words")
    late = frames_of([*whole, ANSWERS.retracted("not allowed", 1)])
    assert shape(late)[-2:] == [("completed", "bad words"), ("retracted", "")]
    assert late[-1]["reason"] == "not allowed"
    at_once = frames_of([whole[0], ANSWERS.retracted("not allowed", 0)])
    assert shape(at_once) == [("delta", "bad "), ("retracted", "")]


def test_a_dead_letter_ends_the_stream_with_a_problem():
    rejected = EventRejected(
        meta=ANSWERS.meta("generate", 0),
        topic="t",
        partition=0,
        offset=0,
        step="generate",
        error="Transient",
        message="m",
        attempts=5,
    )
    [frame] = frames_of([rejected])
    assert frame["type"] == "error"
    assert frame["retryable"]
    assert frame["status"] == 503
    assert {"title", "detail", "request_id", "trace_id"} <= set(frame)


@pytest.mark.parametrize("cut", range(1, 24))
def test_a_placeholder_split_anywhere_is_restored_whole(cut):
    text = "Ask <PERSON_1> <_KIND_2>"
    texts = [text[:cut], text[cut:]]
    frames = frames_of(ANSWERS.whole(*texts, entries=(ENTRY,)), values=NAMES)
    assert shown(frames) == "Ask Jane Doe <KIND_2>"
    assert not any("<PERS" in frame.get("text", "") for frame in frames)


def test_what_only_looks_like_the_beginning_of_a_placeholder_comes_with_the_end():
    frames = frames_of(ANSWERS.whole("a <", "b <PERS", entries=(ENTRY,)), values=NAMES)
    assert shape(frames) == [
        ("delta", "a "),
        ("delta", "<b "),
        ("delta", "<PERS"),
        ("completed", "a <b <PERS"),
    ]


def test_without_values_placeholders_stay():
    frames = frames_of(ANSWERS.whole("Ask <PERSON_1>", entries=(ENTRY,)))
    assert shown(frames) == "Ask <PERSON_1>"


def test_an_answer_that_starts_over_numbers_its_values_anew():
    other = MapEntry(placeholder="<PERSON_2>", kind="PERSON", digest="d", value=QUESTION.text)
    names = {ENTRY: {"<PERSON_1>": "Jane Doe"}, other: {"<PERSON_2>": "John Roe"}}
    one = AnswerView("r-1", "s-1", 0, lambda entries: names[entries[0]])
    records = [
        ANSWERS.tokens("Ask <PERSON_1>", 0, entries=(ENTRY,)),
        ANSWERS.tokens("Ask <PERSON_2>, <PERSON_1>", 5, restart=True, entries=(other,)),
    ]
    frames = [frame for entry in entries_of(records) for frame in one.take(entry)]
    assert shown(frames) == "Ask John Roe, <PERSON_1>"


HISTORY = [
    ANSWERS.tokens("wrong ", 0, entries=(ENTRY,)),
    ANSWERS.tokens("and more <PER", 1),
    ANSWERS.tokens("SON_1>", 2),
    ANSWERS.tokens("right ", 5, restart=True),
    ANSWERS.tokens("<PERSON_1> ans", 6),
    ANSWERS.tokens("wer <", 7),
    ANSWERS.released("right <PERSON_1> answer <", 7),
    ANSWERS.retracted("no", 7),
]


@pytest.mark.parametrize("cut", range(11))
def test_a_reader_that_resumes_gets_everything_after_its_cursor_exactly_once(cut):
    whole = frames_of(HISTORY, values=NAMES)
    assert len(whole) == 10
    cursor = whole[cut - 1]["cursor"] if cut else a_view().accepted()["cursor"]
    seen = sent_by(cursor, 0)
    resumed = a_view(seen, NAMES)
    rest = [
        frame
        for entry in in_reading_order(entries_of(HISTORY), seen)
        for frame in resumed.take(entry)
    ]
    assert shape(rest) == shape(whole[cut:])


def test_a_reader_that_saw_the_retraction_is_told_nothing_of_the_answer():
    early = [HISTORY[0], ANSWERS.retracted("no", 7), *HISTORY[1:3]]
    frames = frames_of(early)
    assert shape(frames) == [("delta", "wrong "), ("retracted", "")]
    seen = sent_by(frames[-1]["cursor"], 0)
    resumed = a_view(seen)
    log = in_reading_order(entries_of([*HISTORY[:3], ANSWERS.retracted("no", 7)]), seen)
    assert [frame for entry in log for frame in resumed.take(entry)] == []


@given(st.data())
def test_however_topics_interleave_the_reader_ends_with_the_same_text(data):
    texts = data.draw(st.lists(st.text("ab <>PERSON_1", max_size=6), min_size=1, max_size=6))
    *tokens, closing = entries_of(ANSWERS.whole(*texts, entries=(ENTRY,)))
    place = data.draw(st.integers(0, len(tokens)))
    one = a_view(values=NAMES)
    order = [*tokens[:place], closing, *tokens[place:]]
    frames = list(itertools.chain.from_iterable(one.take(entry) for entry in order))
    assert frames[-1]["type"] == "completed"
    assert shown(frames) == frames[-1]["text"]


@pytest.mark.parametrize(
    "cursor", ["", "x", "é", "e30", "eyJsIjowfQ", cursor_of(1, {}), cursor_of(0, {"z": (1, 1)})]
)
def test_a_cursor_that_is_not_ours_is_refused(cursor):
    with pytest.raises(Problem):
        sent_by(cursor, 0)


def test_a_cursor_comes_back_as_it_went():
    positions = {"t": (57, 2), "a": (3, 1)}
    assert sent_by(cursor_of(2, positions), 2) == positions
