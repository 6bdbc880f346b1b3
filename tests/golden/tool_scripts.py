"""What is worked out in the golden log, which tools there are, and what models ask of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from schemas import ToolCall
from streams.log.configuration import load
from tests.golden.canned_world import Script

SUMS = (
    "What is 17.5 % of 2,340?", "12 * 12 = ?", "What is 9/11?", "What is 9/11 in total?", "2020-2024", "What is 2020 - 2024?",
    "Wie viel ist 1.234,5 mal 2000?", "Was ist 1.234 plus 1?", "Berechnen Sie 3,5 durch 0,7 bitte", "Combien font 1 234,5 fois 2000 ?",
    "¿Cuánto es 10 por ciento de 5000,5?", "Quanto fa 3,5 × 4000?", "Hoeveel is 7 keer 8?", "What is 1.234,567.8 + 1?", "What is 1 234'567,8 + 1?",
    "What is 1 000 + 1?", "What is 1,000 + 1.5?", "What is 1,000 + 2,5?", "What is 0,500 + 1?", "What is 1234,500 + 1?", "What is 1,50 + 1.50?",
    "What is 1'000'000 + 1 000 000?", "What is 1.000.000 + 0.5?", "What is 12345 * 1000?", "What is 1234 * 1000?", "What is 1234 * 100?",
    "Was ist 1234 mal 1000?", "Was ist 1.5 * 1000?", "¿Qué es 1234 * 1000?", "Quel est 1234 * 1000 ?", "What is 1,00,000 + 1?",
    "What is 1234,567,890 + 1?", "What is .5 + 1?", "What is 3 * -400?", "Calculate 1/3", "10 / 4 = ", "How much is 2 to the power of 10?",
    "2 squared + 3 cubed", "10 ÷ 0 =", "Was ist 1 durch 0?", "What is 9^999?", "(1 + 2) * 3", "What is (1 + 2?", "Calculate 20 + 10 per cent",
    "What is -5?", "What's the sum of 2 plus 3, please?", "calculate 0x10 + 1", "What is 10:30 + 1?", "Calculate 2024-11-28", "Calculate 6 - 3 - 2",
    "Rechnen Sie 1/2/20 aus", "1" + "+1" * 39, "1" + "+1" * 40, "What is 1 +" + " " * 288 + "1", "What is 1 +" + " " * 289 + "1",
    "How much is 5 kg plus 3?", "How much is 1,234 + 5,678,901.5?", "How much is 123,456 + 1?", "How much is 1,2345 + 1?", "5 x 3 =", "５ * 3 =",
    "How much is 1000 - 1 999?", "How much is 700 times 80?", "Wie viel ist 700 mal 80?", "Combien font 700 fois 80 ?", "¿Cuánto es 700 por 80?",
    "Quanto fa 700 per 80?", "Quanto é 700 vezes 80?", "Hoeveel is 700 keer 80?", "What is 4 % of 25 % of 1,000?", "1/3 - 1/3 =", "Wie viel ist 2/3?",
)  # fmt: skip
"""Arithmetic, and what looks like it: numbers in several styles, dates, ratios, and bounds that are hit exactly."""

ORIGIN = "https://api.quay.example:443"


def _plain(name: str, kind: str = "query", **more: Any) -> dict[str, Any]:
    return {"name": name, "in": kind, "schema": {"type": "string"}, **more}


QUAY: dict[str, Any] = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://api.quay.example/v1/"}],
    "paths": {
        "/weather/{city}": {
            "parameters": [{"$ref": "#/components/parameters/a~1b"}],
            "get": {
                "operationId": "weather",
                "summary": "Weather of a city, " + "as it is now " * 40,
                "parameters": [
                    _plain("units", schema={"$ref": "#/components/schemas/Units"}, description="Which units."),
                    _plain("hour", schema={"type": "integer"}), _plain("rain", schema={"type": "boolean"}, required=True),
                    _plain("trace", "header"),
                ],
                "responses": {"200": {"content": {"application/json": {}}}, "404": {"content": {"text/plain": {}}}, "204": {}},
            },
            "delete": {"operationId": "unused", "parameters": [_plain("", "query")]},
        },
        "/tickets": {
            "post": {
                "operationId": "ticket",
                "description": "Opens a ticket.",
                "requestBody": {"required": True, "content": {"application/json": {"schema": {
                    "type": "object", "properties": {"subject": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}},
                    "required": ["subject"]}}}},
                "responses": {"201": {"description": "made"}},
            },
            "put": {"operationId": "note", "requestBody": {"content": {"application/json": {}}}},
        },
    },
    "components": {"schemas": {"Units": {"type": "string", "enum": ["C", "F"]}},
                   "parameters": {"a/b": _plain("city", "path", schema={"type": "string", "description": "Of the quay."})}},
}  # fmt: skip
ELSEWHERE = {"openapi": "3.0.1", "servers": [{"url": "http://[2001:db8::1]:81/x"}], "paths": {"/far": {"get": {"operationId": "far"}}}}  # fmt: skip
USE = ["calculator", "retrieval", "policy", "weather", "ticket", "note", "far"]


def _deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


def interface(operation: object, path: object = "/a", **changes: object) -> dict[str, Any]:
    """Spell an interface of one operation."""
    return {"openapi": "3.0.0", "servers": [{"url": "https://a.example"}], "paths": {path: {"get": operation}}, **changes}  # fmt: skip


def _operation(**more: object) -> dict[str, Any]:
    return {"operationId": "a", **more}


def _body(**content: object) -> dict[str, Any]:
    return _operation(requestBody={"content": content})


ODD_INTERFACES: tuple[dict[str, Any], ...] = (
    interface(_operation(), openapi="2.0"), interface(_operation(), paths=[]), interface(_operation(), paths={"/a": 3}),
    interface(_operation(), "a"), interface(_operation(), "/{b}"), interface(_operation(parameters=[_plain("b", "path")])),
    interface(_operation(parameters=[_plain("b", "header", required=True)])), interface(_operation(parameters=[_plain("body")])),
    interface(_operation(parameters=[_plain("b", schema={"type": "array"})])), interface(_operation(parameters=[_plain("b", allowReserved=True)])),
    interface(_operation(parameters=[_plain("b", content={})])), interface(_operation(parameters=[_plain("b", style="deepObject")])),
    interface(_operation(parameters=[_plain("b", style="form"), _plain("c", "path", style="simple")]), "/{c}"),
    interface(_operation(parameters=[{"$ref": "#/x"}]), x={"$ref": "#/x"}), interface(_operation(parameters=[{"$ref": "other.json"}])),
    interface(_operation(parameters=[{"$ref": "#/paths/none"}])), interface(_operation(parameters=[7])),
    interface(_body(**{"text/plain": {}})), interface(_operation(responses={"200": {"content": {"text/plain": {}}}})),
    interface(_body(**{"application/json": {"schema": _deep(24)}})), interface(_body(**{"application/json": {"schema": _deep(25)}})),
    interface(_body(**{"application/json": {"schema": {"enum": [0] * 4_998}}})), interface(_body(**{"application/json": {"schema": {"enum": [0] * 4_999}}})),
    interface(_operation(), servers=[]), interface(_operation(), servers=[{"url": "https://{b}.example"}]),
    interface(_operation(), servers=[{"url": "https://me@a.example"}]), interface(_operation(), servers=[{"url": "https://a.example:99999"}]),
    interface(_operation(), servers=[{"url": "https://a.example/?b"}]), interface(_operation(), servers=[{"url": "ftp://a.example"}]),
    interface(_operation(), servers=[{"url": "https://a.example/#b"}]), interface({"operationId": "b"}), interface(None),
)  # fmt: skip
"""Interfaces that can't be used, each for a reason of its own, and those that just can."""


def tools(limits: Mapping[str, int] | None = None, **host: Any) -> dict[str, Any]:
    """Configure tools: those of `quay` for everybody, and each odd interface for a tenant of its own."""
    odd = {
        f"odd-{number}": {"use": ["a"], "interfaces": [one]}
        for number, one in enumerate(ODD_INTERFACES)
    }
    return {
        "said": load()["generate"].values["tools"]["said"],
        "limits": limits or {},
        "hosts": [{"origin": ORIGIN, "credential": "env:QUAY", "price": 50, **host}],
        "tenants": {"*": {"use": USE, "interfaces": [QUAY, ELSEWHERE], "content": ["public"]}, **odd},
    }  # fmt: skip


def call(name: str, number: int = 1, /, **arguments: Any) -> ToolCall:
    """Spell a call."""
    return ToolCall(id=f"c{number}", name=name, arguments=json.dumps(arguments))


def weather(city: str, number: int = 1, **more: Any) -> ToolCall:
    """Ask for the weather of a city."""
    return call("weather", number, city=city, rain=True, **more)


def named(tool: str, **arguments: Any) -> str:
    """Spell what a model says that is held to JSON."""
    return json.dumps({"tool": tool, "arguments": arguments})


OSLO = {"city": "Oslo", "rain": True}
WEATHER = "How is the weather at the quay of {}?"
NATIVE: dict[str, Script] = {
    WEATHER.format("Oslo"): Script(turns=((weather("Oslo", units="C", hour=7),), "degrees: 4 sky of now: clear")),
    WEATHER.format("Lund"): Script(turns=((weather("Lund"),), "It will snow at the quay on Sunday.")),
    WEATHER.format("Bergen"): Script(turns=((weather("Bergen"), weather("Bare", 2)), "days 1 day: 1 It is cold.")),
    WEATHER.format("Plain"): Script(turns=((weather("Plain"), weather("Empty", 2), weather("Long", 3)), "It is fine in Plain.")),
    WEATHER.format("Full"): Script(turns=((weather("Full"), weather("Over", 2), weather("Person", 3)), "a: b")),
    WEATHER.format("Nowhere"): Script(turns=((weather("Nowhere"), weather("Moved", 2), weather("Made", 3), weather("Early", 4)), "Nothing.")),
    WEATHER.format("Shut"): Script(turns=((weather("Away"), weather("Shut", 2), call("far")), "The quay is 40 m long.")),
    WEATHER.format("Orla Quist"): Script(turns=((weather("<PERSON_1>"), weather(".."), weather("", 2), weather(".", 3), call("none"),
        call("weather", 5, city="a/b?c#d %2e", rain=False), call("weather", 6, town="Oslo"), weather("Oslo", 7, units="K"),
        ToolCall(id="c8", name="weather", arguments="{")), "The quay is 40 m long.")),
    "Which tickets does the quay have?": Script(turns=((call("ticket", body={"tags": ["b", "a"], "subject": "Räin"}), call("ticket", subject="x"),
        call("note"), call("note", 2, body=[1]), call("ticket", 4, body={"subject": "s" * 600})), "made: 1 done")),
    "How many eggs are at the quay?": Script(turns=((call("calculator", expression="12 * 3"), call("calculator", 2, expression="1 / 3"),
        call("calculator", 3, expression="1 / 0")), "12 * 3 = 36 eggs. 12 * 3 = 36")),
    "What may the quay do?": Script(turns=(tuple(call("policy", at, about=about, name=name) for at, (about, name) in enumerate(
        (about, name) for about in ("route", "region", "content", "tool") for name in ("public", "weather"))), "The tool weather is allowed.")),
    "How long is the quay for Orla Quist?": Script(turns=((call("retrieval", query="office of <PERSON_1> opens"),), "The office opens at 9. It is shut on Monday.")),
    "How wide is the quay?": Script(turns=((call("retrieval", query="xyzzy"), call("retrieval", 2, query="length of Lund")), "Nothing.")),
    "Where is the loop of the quay?": Script(turns=((call("weather", **OSLO),), (call("weather", rain=True, city="Oslo"),))),
    "Where is the half loop of the quay?": Script(turns=((call("weather", **OSLO),), (call("weather", **OSLO), weather("Lund")), "degrees: 7")),
    "Who asks on and on at the quay?": Script(turns=tuple((weather(f"Oslo {at}", at),) for at in range(5))),
    "Who asks four times at the quay?": Script(turns=(*((weather(f"Oslo {at}", at),) for at in range(3)), "made: 1")),
    "Who asks eight things at the quay?": Script(turns=(tuple(weather(f"Oslo {at}", at) for at in range(8)), "made: 1")),
    "Who asks nine things at the quay?": Script(turns=(tuple(weather(f"Oslo {at}", at) for at in range(9)), "made: 1")),
    "Who knows the quay at once?": Script(turns=("The quay of Lund is 40 m long. It was built by the moon.",)),
    "Who falls silent at the quay?": Script(turns=((weather("Oslo"),), ("")), fails="transient"),
    "Who calls both at the quay?": Script(turns=((weather("Oslo"), call("lookup", key="b")),)),
}  # fmt: skip
"""What models say that ask in their interface's own shapes, turn by turn."""
HELD: dict[str, Script] = {
    "Which sky has the quay of Oslo?": Script(turns=(named("weather", **OSLO), '{"tool": "none"}')),
    "Which sky has the same quay of Oslo?": Script(turns=(named("weather", **OSLO), named("weather", **OSLO))),
    "Which broken sky has the quay?": Script(turns=('{"tool": "weath',)),
    "Which listed sky has the quay?": Script(turns=('["weather"]',)),
    "Which deep sky has the quay?": Script(turns=(f'{{"tool": "weather", "a": {"[" * 62}{"]" * 62}}}', named("none"))),
    "Which deeper sky has the quay?": Script(turns=(f'{{"tool": "weather", "a": {"[" * 63}{"]" * 63}}}', named("none"))),
    "Which nameless sky has the quay?": Script(turns=('{"arguments": {}}',)),
    "Which two skies has the quay?": Script(turns=(named("weather", **OSLO), named("retrieval", query="office"), '{"tool": "none"}')),
}  # fmt: skip
"""What models say that are held to JSON."""
LOOKUP = [
    {"name": "lookup", "description": "Looks up\n<mark>.", "parameters": {"type": "object", "properties": {
        "key": {"type": "string"}, "kind": {"type": "string", "enum": ["a"]}, "long": {"type": "string", "maxLength": 900}, "size": {}, "any": True}}},
    {"name": "weather", "parameters": {"properties": []}},
    {"name": "find", "parameters": {"type": "object"}},
]  # fmt: skip
"""Tools of the asker: one of them is called like one of the platform."""
PLAIN_LOOKUP = [
    {**LOOKUP[0], "parameters": {"type": "object", "properties": {
        "key": {"type": "string"}, "kind": {"type": "string", "enum": ["a"]}, "long": {"type": "string", "maxLength": 900}, "size": {}}}},
    {"name": "weather"}, LOOKUP[2],
]  # fmt: skip
"""The same, each parameter of which can be spelt for a model that has no tools of its own."""
ASKING: tuple[tuple[str, str, Script], ...] = (
    ("native", "", Script(turns=((call("lookup", key="a"),),))), ("native", "required", Script(turns=((call("find"),),))),
    ("native", "lookup", Script(turns=((call("calculator", expression="2 * 3"),), "2 * 3 = 6"))), ("native", "none", Script(turns=("The quay is 40 m long.",))),
    ("native", "nobody", Script(turns=("The quay of Lund is 40 m long.",))),
    ("grammar", "", Script(turns=(named("lookup", key="ä"),))), ("grammar", "required", Script(turns=(named("find"),))),
    ("grammar", "lookup", Script(turns=(named("lookup", b=1, a=2),))), ("grammar", "find", Script(turns=('{"tool": "none"}',))),
    ("none", "required", Script()), ("none", "", Script(turns=("The quay is 40 m long.",))),
)  # fmt: skip
"""How the model asks, what the asker says of it, and what the model says; nothing where nobody asks it."""
EXCHANGES: tuple[object, ...] = (
    [{"id": "c1", "name": "lookup", "arguments": '{"key":"a"}', "result": '{"berth": "B7 of Orla Quist"}'}],
    [{"id": "c1", "name": "lookup", "arguments": '{"key": "Orla Quist", "n": 4111111111111111}', "result": "Berth B7 is free. " + "Salt. " * 40},
     {"id": "c2", "name": "weather", "arguments": "[4111 1111 1111 1111]", "result": ""}],
    [{"id": "c1", "name": "find", "arguments": "{}", "result": "[]"}] * 64,
    [{"id": "c1", "name": "find", "arguments": "{}", "result": "[]"}] * 65,
    {"id": "c1"},
)  # fmt: skip
"""What the asker's tools were asked and gave before."""
ODD_TOOLS = ("[{}]", "{", '[{"name": "a b"}]', "[" + " " * 65_534 + "]", "[" + " " * 65_535 + "]",
             '[{"name":"a","parameters":' + '{"items":' * 61 + "{}" + "}" * 61 + "}]", '[{"name":"a","parameters":' + '{"items":' * 62 + "{}" + "}" * 62 + "}]",
             '[{"name":"a","parameters":{"maxItems":19998}}]', '[{"name":"a","parameters":{"maxItems":19999}}]')  # fmt: skip
"""Tools of the asker that are none, or as many as are taken and one more."""
PAGE = "# The quay of Lund\n\nThe quay of Lund is 40 m long. The weather at the quay is mild."
OFFICE = "# The office\n\nThe office opens at 9. The office is shut on Monday. Ask Orla Quist."
