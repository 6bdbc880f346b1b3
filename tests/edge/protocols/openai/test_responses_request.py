"""Requests for responses, read as the chat requests that they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.problems import Problem
from edge.protocols.openai.chat_request import ChatBody, refuse_unanswerable
from edge.protocols.openai.responses_request import (
    ResponseBody,
    chat_of,
    passed_over_of,
    refuse_unsupported_response,
)
from edge.requests.limits import CALLS_MAX

TOOL = {"type": "function", "name": "f", "parameters": {"type": "object"}}


def body(given, **more):
    return ResponseBody.model_validate({"model": "playhead", "input": given, **more})


def call(name, **more):
    return {"type": "function_call", "call_id": name, "name": "f", "arguments": "{}", **more}


def result(name, output="x"):
    return {"type": "function_call_output", "call_id": name, "output": output}


def user(text):
    return {"role": "user", "content": text}


def test_a_chat_and_a_response_that_say_the_same_ask_the_same():
    chat = ChatBody.model_validate(
        {
            "model": "playhead",
            "messages": [
                {"role": "system", "content": "s"},
                user("a"),
                {"role": "assistant", "content": "b"},
                user("c"),
            ],
            "max_tokens": 9,
            "tools": [{"type": "function", "function": {"name": "f"}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
        }
    )
    items = [
        {"type": "message", "role": "system", "content": "s"},
        user([{"type": "input_text", "text": "a"}]),
        {"role": "assistant", "content": [{"type": "output_text", "text": "b"}]},
        user("c"),
    ]
    read = chat_of(
        body(
            items,
            max_output_tokens=9,
            tools=[{"type": "function", "name": "f"}],
            tool_choice={"type": "function", "name": "f"},
        )
    )
    for name in ("question", "history", "tokens", "tools_text", "chosen_tool", "exchanges"):
        assert getattr(read, name) == getattr(chat, name)


@given(st.lists(st.booleans(), min_size=1, max_size=CALLS_MAX // 2))
def test_calls_and_results_are_paired_however_they_stand(together):
    items, names = [user("q")], []
    for n, is_together in enumerate(together):
        one, other = f"{n}a", f"{n}b"
        names += [one, other]
        if is_together:
            items += [call(one), call(other), result(other), result(one)]
        else:
            items += [call(one), result(one), call(other), result(other)]
    chat = chat_of(body(items))
    refuse_unanswerable(chat, "input")
    assert [one["id"] for one in chat.exchanges] == names


def test_words_before_a_call_are_of_the_answer_that_asked():
    items = [user("q"), {"role": "assistant", "content": "wait"}, call("1"), result("1")]
    chat = chat_of(body(items))
    refuse_unanswerable(chat, "input")
    assert len(chat.exchanges) == 1


@pytest.mark.parametrize(
    ("items", "why"),
    [
        ([user("q"), call("1")], "the last message"),
        ([user("q"), call("1"), call("2"), result("1")], "2 has no result"),
        ([user("q"), result("1")], "stand the calls"),
        ([user("q"), call("1"), result("1"), result("1")], "stand the calls"),
        ([user("q"), call("1"), result("1"), call("1"), result("1")], "two calls have one id"),
        ([call("1"), result("1")], "the last message is the question"),
        ([user(" ")], "the question is empty"),
        ([user("q"), {"role": "assistant", "content": "a"}], "the last message"),
        (
            [
                user("q"),
                *(one for n in range(CALLS_MAX + 1) for one in (call(str(n)), result(str(n)))),
            ],
            "calls are too many",
        ),
        ([{"type": "reasoning"}], "it is empty"),
    ],
)
def test_what_asks_nothing_is_refused(items, why):
    with pytest.raises(Problem, match=why) as caught:
        refuse_unanswerable(chat_of(body(items)), "input")
    assert caught.value.param == "input"


@pytest.mark.parametrize(
    ("sent", "param"),
    [
        ({"background": True}, "background"),
        ({"tools": [{"type": "mcp"}]}, "tools"),
        ({"tools": [TOOL, {"type": "web_search"}]}, "tools"),
        ({"new_one": None}, "new_one"),
        ({"input": [{"content": [{"type": "input_file", "file_id": "f"}]}]}, "input"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_its_name(sent, param):
    with pytest.raises(Problem) as caught:
        refuse_unsupported_response(sent)
    assert caught.value.param == param


@pytest.mark.parametrize(
    "sent",
    [
        None,
        [],
        "x",
        {"background": False, "conversation": None, "tools": [], "tool_choice": None},
        {"tools": [7, "x"], "input": 7} | {"tools": [TOOL]},
        {"input": [7, {"content": 7}, {"content": [7, {"type": 7}]}]},
    ],
)
def test_what_is_said_later_to_be_wrong_is_no_refusal(sent):
    refuse_unsupported_response(sent)


def test_thoughts_and_orders_are_passed_over_by_name():
    sent = {
        "instructions": "i",
        "reasoning": {"effort": "low"},
        "include": ["reasoning.encrypted_content"],
        "input": [
            {"type": "reasoning", "summary": []},
            {"role": "developer", "content": "d"},
            user("q"),
        ],
    }
    assert passed_over_of(sent, body(given=sent["input"])) == [
        "instructions",
        "reasoning",
        "include",
        "input[developer]",
        "input[reasoning]",
    ]
