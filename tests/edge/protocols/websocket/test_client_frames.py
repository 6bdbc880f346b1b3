"""What clients send over a WebSocket."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.problems import Problem
from edge.protocols.websocket.client_frames import (
    CancelFrame,
    MessageFrame,
    ResumeFrame,
    names_in,
    parse,
)
from edge.requests import limits


def parsed(**fields):
    return parse(json.dumps(fields).encode())


@pytest.mark.parametrize(
    ("fields", "frame"),
    [
        ({"type": "message", "text": "x"}, MessageFrame(text="x")),
        (
            {"type": "message", "text": "x", "id": "m", "session_id": "s", "more": 1},
            MessageFrame(text="x", id="m", session_id="s"),
        ),
        ({"type": "resume", "request_id": "r"}, ResumeFrame(request_id="r")),
        (
            {"type": "resume", "request_id": "r", "cursor": "c"},
            ResumeFrame(request_id="r", cursor="c"),
        ),
        ({"type": "cancel", "request_id": "r"}, CancelFrame(request_id="r")),
    ],
)
def test_a_frame_is_one_of_three_kinds(fields, frame):
    assert parsed(**fields) == frame


@pytest.mark.parametrize(
    ("text", "status", "detail"),
    [
        (b"", 400, "JSON"),
        (b"\xff", 400, "JSON"),
        (b'{"type": "message", "text": "\\ud800"}', 400, "JSON"),
        (b"null", 422, "type"),
        (b"[]", 422, "type"),
        (b'"message"', 422, "type"),
        (b'{"type": ["message"]}', 422, "type"),
        (b'{"type": {"a": 1}}', 422, "type"),
        (b'{"type": "Message"}', 422, "type"),
        (b'{"type": "message"}', 422, "text"),
        (b'{"type": "message", "text": 1}', 422, "text"),
        (b'{"type": "message", "text": "x", "id": [1]}', 422, "id"),
        (b'{"type": "resume"}', 422, "request_id"),
        (b'{"type": "cancel", "request_id": ""}', 422, "request_id"),
        (b'{"type": "cancel", "request_id": "%b"}' % (b"x" * 65), 422, "request_id"),
        (b" " * (limits.FRAME_MAX + 1), 413, "bytes"),
        (b"[" * 10_000, 400, "JSON"),
    ],
)
def test_what_is_no_frame_is_a_problem_that_says_why(text, status, detail):
    with pytest.raises(Problem) as refused:
        parse(text)
    assert refused.value.status == status
    assert detail in refused.value.detail


def test_a_problem_names_the_fields_and_never_what_stood_there():
    with pytest.raises(Problem) as refused:
        parsed(type="message", text=["secret"], session_id=9)
    assert "text" in refused.value.detail
    assert "session_id" in refused.value.detail
    assert "secret" not in refused.value.detail


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
def test_any_bytes_are_a_frame_or_a_problem(text):
    with contextlib.suppress(Problem):  # and nothing else
        assert parse(text)


@pytest.mark.parametrize(
    ("id_", "name"), [("", {}), ("m", {"id": "m"}), (0, {"id": 0}), (7, {"id": 7})]
)
def test_a_message_is_named_as_the_client_named_it(id_, name):
    assert MessageFrame(text="x", id=id_).name == name


FRAMES_OF_ANY = st.dictionaries(
    st.sampled_from(("type", "id", "request_id", "text")),
    st.one_of(
        st.sampled_from(("message", "resume", "cancel")),
        st.text(max_size=300),
        st.integers(),
        st.none() | st.booleans() | st.floats() | st.lists(st.integers(), max_size=2),
    ),
)


@given(FRAMES_OF_ANY.map(lambda fields: json.dumps(fields).encode()) | st.binary(max_size=60))
def test_any_bytes_have_one_name_or_none_and_it_is_short(text):
    names = names_in(text)
    assert len(names) <= 1
    for field, name in names.items():
        assert name == json.loads(text)[field]
        assert isinstance(name, str) or (field == "id" and type(name) is int)
        assert len(str(name)) <= limits.FRAME_NAME_MAX


def test_a_frame_that_is_too_large_has_no_name():
    assert names_in(json.dumps({"id": "m", "text": "x" * limits.FRAME_MAX}).encode()) == {}
