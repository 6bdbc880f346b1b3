"""What a client was told is judged: tales with one thing wrong each."""

import pytest

from edge.answering.cursors import cursor_of
from tests.chaos.gateway_tale import JUMP_MS, Tale, place_of, wrong_in


def frame(kind, letter="", offset=0, **fields):
    cursor = cursor_of(0, {letter: (offset, 1)}, "r-1") if letter else ""
    return {"type": kind, "cursor": cursor, **fields}


def streamed():
    """Return the frames of an answer in two parts, each with the cursor that leads on from it."""
    places = [
        ("step", {"k": (3, 1)}, {"took_ms": 5}),
        ("delta", {"k": (3, 1), "t": (7, 1)}, {"text": "a"}),
        ("delta", {"k": (3, 1), "t": (8, 1)}, {"text": "b"}),
        ("completed", {"k": (3, 1), "t": (8, 1), "a": (4, 1)}, {"text": "ab"}),
    ]
    frames = [
        {"type": kind, "cursor": cursor_of(0, at, "r-1"), **more} for kind, at, more in places
    ]
    return [{"type": "accepted", "cursor": cursor_of(0, {}, "r-1")}, *frames]


def tale(frames=None, **changes):
    told = {"accepted": ["r-1"], "final": {"status": "completed", "text": "ab"}, **changes}
    return Tale("k", "question", frames=streamed() if frames is None else frames, **told)


def wrong(*arguments, **changes):
    return [line.removeprefix("question r-1 ") for line in wrong_in(tale(*arguments, **changes))]


def test_an_answer_that_came_as_it_should_is_right():
    assert wrong() == []


def test_an_answer_that_began_anew_is_right():
    frames = streamed()
    void = {"type": "delta", "cursor": cursor_of(0, {"k": (3, 1), "t": (5, 1)}, "r-1"), "text": "x"}
    anew = {"type": "restarted", "cursor": cursor_of(0, {"k": (3, 1), "t": (6, 1)}, "r-1")}
    assert wrong([*frames[:2], void, anew, *frames[2:]]) == []


def test_an_answer_that_was_retracted_is_right():
    gone = cursor_of(0, {"k": (3, 1), "t": (8, 1), "a": (4, 1), "r": (0, 1)}, "r-1")
    frames = [*streamed(), {"type": "retracted", "cursor": gone}]
    assert wrong(frames, final={"status": "retracted", "text": ""}) == []


def test_a_part_that_a_resume_missed_is_named():
    frames = streamed()
    del frames[3]
    assert wrong(frames) == [
        "has the deltas 'a' and the text 'ab'",
        "was completed as 'a' and is read back as 'ab'",
    ]


def test_a_part_that_a_resume_repeated_is_named():
    frames = streamed()
    frames.insert(3, frames[2])
    assert "was told a delta twice" in wrong(frames)


def test_parts_in_another_order_are_named():
    frames = streamed()
    frames[2:4] = reversed(frames[2:4])
    found = wrong(frames)
    assert "was told a delta at a cursor behind one before it" in found
    assert "has the deltas 'ba' and the text 'ab'" in found


def test_an_answer_that_ends_twice_is_named():
    frames = streamed()
    later = cursor_of(0, {"k": (3, 1), "t": (8, 1), "a": (9, 1)}, "r-1")
    again = {**frames[-1], "cursor": later}
    assert wrong([*frames, again]) == ["was completed after it was completed"]


def test_text_after_the_end_is_named():
    later = cursor_of(0, {"k": (3, 1), "t": (9, 1), "a": (4, 1)}, "r-1")
    frames = [*streamed(), {"type": "delta", "cursor": later, "text": "c"}]
    assert "was told more text after it was completed" in wrong(frames)


@pytest.mark.parametrize("took_ms", [-1, JUMP_MS])
def test_a_clock_that_goes_back_or_jumps_is_named(took_ms):
    frames = streamed()
    frames[1]["took_ms"] = took_ms
    assert wrong(frames) == [f"was told of a step of {took_ms} ms: a clock went back or jumped"]


def test_one_key_that_became_two_requests_is_named():
    [line] = wrong(accepted=["r-1", "r-1", "r-2"])
    assert line == "was sent again under its key and became 2 requests"


def test_what_was_accepted_and_has_no_end_is_named():
    found = wrong(streamed()[:-1], final={"status": "streaming"}, late=True, given_up=True)
    assert found == ["was accepted and is streaming when all is quiet"]


def test_what_nobody_could_read_is_told_apart_from_what_stands_for_ever():
    unread = wrong(streamed()[:-1], final={"status": "streaming"}, unread="503 others wait")
    assert unread == ["was accepted and can't be read when all is quiet: 503 others wait"]
    told = wrong(streamed()[:-1], final={"status": "streaming"})
    assert told == ["was accepted and is streaming when all is quiet"]


def test_a_request_that_is_another_than_its_keys_is_named():
    [line] = wrong(attempt="r-2")
    assert line == "was accepted as another request than its key is: r-2"
    assert wrong(attempt="r-1") == []


def test_an_answer_that_its_client_never_heard_of_is_named_unless_it_gave_up():
    assert wrong(streamed()[:-1]) == ["was completed, and its client was never told"]
    failed = {"type": "error", "cursor": "", "problem": "urn:playhead:problem:step-failed"}
    assert wrong([*streamed()[:-1], failed]) == []
    assert wrong(streamed()[:-1], late=True) == []
    assert wrong(streamed()[:-1], given_up=True) == []


def test_an_answer_that_reads_otherwise_later_is_named():
    [line] = wrong(final={"status": "completed", "text": "abc"})
    assert line == "was completed as 'ab' and is read back as 'abc'"


def test_what_was_neither_accepted_nor_refused_is_named():
    assert list(wrong_in(Tale("k-7", "document"))) == [
        "document k-7 was neither accepted nor refused"
    ]
    assert list(wrong_in(Tale("k-7", "document", given_up=True))) == []


def test_an_answer_that_nobody_can_do_anything_with_is_named():
    [line] = wrong_in(tale(problems=["POST gave 500"]))
    assert line == "question r-1: POST gave 500"


def test_a_cursor_says_how_far_it_has_come():
    assert place_of(cursor_of(3, {"t": (7, 2), "k": (1, 1)}, "r-1")) == {"k": (1, 1), "t": (7, 2)}
    assert place_of("") == {}
