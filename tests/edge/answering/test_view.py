"""Records to frames: order, attempts, placeholders, cursors."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.answering.cursors import in_reading_order, sent_by
from edge.answering.view import AnswerView
from schemas import (
    ChunksRetrieved,
    EventRejected,
    MapEntry,
    QueryRewritten,
    QuestionAsked,
    QuestionRedacted,
    TokensGenerated,
)
from streams.topics import topic_of
from tests.edge.answering import histories
from tests.edge.answering.histories import ANSWERS, HISTORIES, NAMES, QUESTION, entries_of
from tests.edge.fake_log import a_citation

GOLDEN = json.loads(Path(__file__).with_name("golden_frames.json").read_text("utf-8"))
ENTRY = histories.an_entry()


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


PASSAGES = topic_of(ChunksRetrieved)
RETRIEVED = histories.retrieved()
BESIDE = {
    "retrieve had answered": histories.rejected(topic=topic_of(QueryRewritten)),
    "rewrite had answered": histories.rejected(topic=topic_of(QuestionRedacted)),
    "redact had answered": histories.rejected(topic=topic_of(QuestionAsked)),
    "generate had ended another run": histories.rejected(topic=PASSAGES, of=RETRIEVED, offset=1),
}
"""Dead letters of later runs, once passages are there: what follows from the first may answer."""
ALONE = {
    "generate gave up": histories.rejected(topic=PASSAGES, of=RETRIEVED, offset=0),
    "moderate gave up": histories.rejected(topic=topic_of(TokensGenerated)),
}


@pytest.mark.parametrize("letter", BESIDE.values(), ids=BESIDE)
@given(st.data())
def test_a_dead_letter_of_a_later_run_waits_for_the_answer_of_the_first(letter, data):
    whole = ANSWERS.whole("VAT ", "is due.")
    place = data.draw(st.integers(0, len(whole)))
    frames = frames_of([RETRIEVED, *whole[:place], letter, *whole[place:], letter])
    assert [frame["type"] for frame in frames] == ["step", "delta", "delta", "completed"]


@pytest.mark.parametrize("letter", BESIDE.values(), ids=BESIDE)
def test_a_dead_letter_that_waits_is_told_in_the_end_where_no_answer_came(letter):
    one = a_view()
    for entry in entries_of([RETRIEVED, ANSWERS.tokens("VAT ", 0), letter, letter]):
        one.take(entry)
    assert (one.settled, one.settle()) == (False, [])
    [frame] = one.give_up()
    assert (frame["type"], one.snapshot()["status"]) == ("error", "failed")
    assert sent_by(frame["cursor"], 0, "r-1")["e"] == (0, 1)
    assert one.give_up() == []


@pytest.mark.parametrize("letter", [*BESIDE.values(), *ALONE.values()], ids=[*BESIDE, *ALONE])
def test_a_dead_letter_beside_which_nothing_is_known_to_run_is_told_at_once(letter):
    before = [] if letter in BESIDE.values() else [RETRIEVED, histories.retrieved(attempt=2)]
    frames = frames_of([*before, letter])
    assert frames[-1]["type"] == "error"


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


HISTORY = histories.RESTARTED


@pytest.mark.parametrize("cut", range(11))
def test_a_reader_that_resumes_gets_everything_after_its_cursor_exactly_once(cut):
    whole = frames_of(HISTORY, values=NAMES)
    assert len(whole) == 10
    cursor = whole[cut - 1]["cursor"] if cut else a_view().accepted()["cursor"]
    seen = sent_by(cursor, 0, "r-1")
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
    seen = sent_by(frames[-1]["cursor"], 0, "r-1")
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


def test_who_was_shown_text_that_reading_back_does_not_find_is_told_to_start_over():
    records = ANSWERS.whole("VAT ", "is ", "due.")
    *tokens, closing = entries_of(records)
    before = a_view()
    shown_before = [frame for entry in tokens[:2] for frame in before.take(entry)]
    resumed = a_view(sent_by(shown_before[-1]["cursor"], 0, "r-1"))
    assert resumed.take(closing) == []
    rest = resumed.settle()
    assert shape(rest) == [
        ("restarted", ""),
        ("delta", "VAT is due."),
        ("completed", "VAT is due."),
    ]
    assert shown([*shown_before, *rest]) == "VAT is due."


def test_text_that_comes_after_an_end_that_told_all_of_it_is_not_told_again():
    anew = ANSWERS.tokens("No.", 9, restart=True)
    *tokens, closing, another = entries_of([*ANSWERS.whole("VAT ", "is ", "due."), anew])
    one = a_view()
    frames = [*one.take(tokens[0]), *one.take(closing), *one.settle()]
    assert shown(frames) == "VAT is due."
    assert [frame for entry in tokens[1:] for frame in one.take(entry)] == []
    assert shape(one.take(another)) == [("restarted", ""), ("delta", "No.")]


def read(text, frames):
    """What a reader has before its eyes after more frames, and whether it was told the end."""
    for frame in frames:
        match frame["type"]:
            case "delta":
                text += frame["text"]
            case "restarted":
                text = ""
            case "completed":
                assert frame["text"] == text
                return text, True
    return text, False


@given(st.data())
def test_whatever_is_read_of_an_answer_on_each_connection_the_reader_ends_with_its_text(data):
    """A cut in the middle of frames, and reading back that ends before all text was found."""
    texts = data.draw(st.lists(st.text("ab <>PERSON_1", max_size=6), min_size=1, max_size=4))
    records = ANSWERS.whole(*texts, entries=(ENTRY,))
    if data.draw(st.booleans()):
        records = [
            ANSWERS.tokens("wrong ", 0),
            *(ANSWERS.tokens(text, n, restart=n == 1) for n, text in enumerate(texts, start=1)),
            ANSWERS.released("".join(texts), len(texts)),
        ]
    *tokens, closing = entries_of(records)
    text, ended, cursor = "", False, a_view().accepted()["cursor"]
    for connection in range(4):
        last = connection == 3
        seen = sent_by(cursor, 0, "r-1")
        found = tokens[: len(tokens) if last else data.draw(st.integers(0, len(tokens)))]
        if data.draw(st.booleans()) or seen:
            order = in_reading_order([*found, closing], seen)
        else:
            place = data.draw(st.integers(0, len(found)))
            order = [*found[:place], closing, *found[place:]]
        one = a_view(seen, NAMES)
        frames = []
        for entry in order:
            frames += one.take(entry)
            if data.draw(st.booleans()):
                frames += one.settle()
        frames += one.settle()
        assert one.settled
        cut = len(frames) if last else data.draw(st.integers(0, len(frames)))
        if ended:
            assert shape(frames) == []
            continue
        text, ended = read(text, frames[:cut])
        cursor = frames[cut - 1]["cursor"] if cut else cursor
    assert ended


# ---------------------------------------------------------------------- every history


@pytest.mark.parametrize("name", HISTORIES)
def test_the_frames_of_a_history_are_what_they_were(name):
    view = AnswerView("r-1", "s-1", 0, histories.reveal)
    frames = [view.accepted()]
    for entry in entries_of(HISTORIES[name]):
        frames += view.take(entry)
    frames += view.settle()
    assert {
        "frames": frames,
        "answer": view.snapshot(),
        "cancelled": view.cancelled(),
    } == GOLDEN[name]


@pytest.mark.parametrize("name", HISTORIES)
def test_what_is_read_again_is_not_told_again(name):
    view = AnswerView("r-1", "s-1", 0, histories.reveal)
    for entry in entries_of(HISTORIES[name]):
        view.take(entry)
    assert [frame for entry in entries_of(HISTORIES[name]) for frame in view.take(entry)] == []


RECORDS = st.one_of(
    st.builds(
        lambda text, cause, attempt, restart, names: ANSWERS.tokens(
            text, cause, attempt=attempt, restart=restart, entries=names
        ),
        st.sampled_from(["VAT ", "is ", "<PER", "SON_1>", "<PERSON_2> x", "", "<", "due."]),
        st.integers(0, 4),
        st.integers(1, 3),
        st.booleans(),
        st.sampled_from([(), histories.NAMED, (histories.an_entry("<PERSON_2>"),)]),
    ),
    st.builds(
        ANSWERS.released, st.sampled_from(["", "VAT ", "VAT is ", "<PER"]), st.integers(0, 4)
    ),
    st.builds(ANSWERS.retracted, st.just("no"), st.integers(0, 4)),
    st.builds(histories.retrieved, st.integers(0, 2), st.integers(1, 2)),
    st.builds(histories.rejected, st.sampled_from(["Transient", "Permanent"])),
    st.sampled_from([*BESIDE.values(), *ALONE.values()]),
)


@given(st.lists(RECORDS, max_size=9), st.sets(st.integers(0, 8)), st.sets(st.integers(0, 8)))
def test_no_history_makes_a_move_that_the_table_lacks(records, settled_at, given_up_at):
    view = AnswerView("r-1", "s-1", 0, histories.reveal)
    frames = []
    for number, entry in enumerate(entries_of(records)):
        frames += view.take(entry)
        if number in settled_at:
            frames += view.settle()
        if number in given_up_at:
            frames += view.give_up()
        assert view.snapshot()["status"] == view.state.value
        assert view.settled == (view.state.value in ("completed", "retracted", "failed"))
    ends = [frame for frame in frames if frame["type"] == "completed"]
    assert all({"text", "citations", "usage", "finish_reason", "degraded"} <= {*f} for f in ends)


@given(st.lists(RECORDS, max_size=9))
def test_cursors_never_go_back(records):
    view = AnswerView("r-1", "s-1", 0, histories.reveal)
    before = {}
    for entry in entries_of(records):
        for frame in view.take(entry):
            after = sent_by(frame["cursor"], 0, "r-1")
            assert all(after[letter] >= sent for letter, sent in before.items())
            assert after != before
            before = after
