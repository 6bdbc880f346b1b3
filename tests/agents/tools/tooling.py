"""Models that ask for tools, and what there is to ask for, for the tests of the tools."""

import json

from agents.placeholders import escape
from agents.tools.tool_results import told
from connectors.tools.calculator import calculated
from schemas import (
    Calculate,
    CallTool,
    CheckPolicy,
    Embed,
    Embedded,
    Fetch,
    Fetched,
    Found,
    Generate,
    Generated,
    GeneratedToken,
    Instant,
    Now,
    PolicyChecked,
    Search,
    ToolAnswered,
    ToolCall,
    Usage,
)
from streams.log.configuration import load
from tests.fakes import NOW_US

SAID = load()["generate"].values["tools"]["said"]
ORIGIN = "https://api.example.com:443"
WEATHER = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://api.example.com/v1"}],
    "paths": {
        "/weather/{city}": {
            "get": {
                "operationId": "weather",
                "summary": "Current weather of a city.",
                "parameters": [
                    {"name": "city", "in": "path", "required": True, "schema": {"type": "string"}},
                    {
                        "name": "units",
                        "in": "query",
                        "schema": {"$ref": "#/components/schemas/Units"},
                    },
                ],
                "responses": {"200": {"content": {"application/json": {"schema": {}}}}},
            }
        },
        "/tickets": {
            "post": {
                "operationId": "open_ticket",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {"subject": {"type": "string"}},
                                "required": ["subject"],
                            }
                        }
                    },
                },
                "responses": {"201": {"description": "made"}},
            }
        },
    },
    "components": {"schemas": {"Units": {"type": "string", "enum": ["C", "F"]}}},
}
USE = ["calculator", "retrieval", "policy", "weather", "open_ticket"]
OSLO = {"city": "Oslo"}


def tools(*use, limits=None, **host):
    """A configuration of tools for every tenant."""
    return {
        "limits": limits or {},
        "hosts": [{"origin": ORIGIN, "credential": "env:WEATHER_KEY", **host}],
        "tenants": {"*": {"use": list(use or USE), "interfaces": [WEATHER]}},
        "said": SAID,
    }


def a_route(asking, trust="phrase", **more):
    one = {"name": "chat", "model": "chat", "trust": trust, "tools": asking, **more}
    return {"routes": [one]}


def call(name, number=1, /, **arguments):
    return ToolCall(id=f"c{number}", name=name, arguments=json.dumps(arguments))


def turn(*calls, text="", cost=0):
    """What a model answers: calls in its own shapes, or a text."""
    usage = Usage(prompt_tokens=10, completion_tokens=2)
    told = [Generated(tokens=(GeneratedToken(text=text, at_us=1),), model="m@1")] if text else []
    return [
        *told,
        Generated(
            tokens=(),
            last=True,
            finish_reason="tool_calls" if calls else "stop",
            tool_calls=calls,
            usage=usage,
            model="m@1",
            cost_micros=cost,
        ),
    ]


def named(tool, **arguments):
    """What a model answers that is held to JSON."""
    chosen = {"tool": tool} if tool == "none" else {"tool": tool, "arguments": arguments}
    return turn(text=json.dumps(chosen))


def a_world(*turns, answer='{"city": "Oslo", "degrees": 4, "sky": "clear"}', passages=()):
    """Services that answer in their turns; the last turn is repeated."""
    waiting = list(turns)

    def say(_request):
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def host(request):
        if isinstance(answer, Exception):
            raise answer
        content = escape(told(answer, request.characters_max))  # as its connector redacts it
        return ToolAnswered(
            tool=request.tool, status=200, content=content, cost_micros=request.price
        )

    return {
        Now: lambda _: Instant(at=NOW_US),
        Generate: say,
        CallTool: host,
        Calculate: lambda request: calculated(request.expression),
        CheckPolicy: lambda request: PolicyChecked(
            allowed=request.name in request.allowed, reason="listed"
        ),
        Embed: lambda _: Embedded(vectors=(b"\0" * 4,), model="e", dimensions=1),
        Search: lambda _: Found(candidates=(), index="i", position=1),
        Fetch: lambda _: Fetched(passages=tuple(passages)),
    }
