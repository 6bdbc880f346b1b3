"""What a client of the Model Context Protocol is told of progress, and of the tools."""

import jsonschema
import pytest

from edge.protocols.mcp.mcp_tools import MESSAGE_MAX, TOOLS, told_of


def delta(text):
    return {"type": "delta", "text": text}


STEP = {"type": "step", "step": "retrieve", "took_ms": 7}


@pytest.mark.parametrize(
    ("burst", "told"),
    [
        ([], []),
        ([delta("a"), delta("b")], ["ab"]),
        ([STEP, delta("a")], ["[retrieve took 7 ms]", "a"]),
        ([delta("a"), {"type": "restarted"}, delta("b")], ["a", "[the answer begins anew]", "b"]),
        ([delta("a"), {"type": "completed", "text": "a"}], ["a"]),
        ([{"type": "retracted", "reason": "r"}], []),
        ([delta("x" * MESSAGE_MAX), delta("y"), delta("z")], ["x" * MESSAGE_MAX, "yz"]),
    ],
)
def test_progress_is_the_text_that_came_and_what_else_happened(burst, told):
    assert told_of(burst) == told


def test_no_text_is_lost_or_told_twice_in_progress():
    burst = [delta(str(n) * (n * 97)) for n in range(10)]
    assert "".join(told_of(burst)) == "".join(one["text"] for one in burst)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_tool_s_schemas_are_schemas_of_objects(tool):
    for schema in (tool.input_schema, tool.output_schema):
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["type"] == "object"
    assert tool.input_schema["required"] == ["text"]
    assert tool.input_schema["additionalProperties"] is False
    assert tool.annotations.read_only_hint
