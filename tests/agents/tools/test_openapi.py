"""OpenAPI: what of a document is read, and what is refused by its place."""

import copy

import pytest

from agents.errors import Permanent
from agents.tools.openapi import VALUES_MAX, operations_of
from tests.agents.tools.tooling import ORIGIN, WEATHER


def changed(edit, *path):
    """The document with one value changed: `edit` is given what stands at the path."""
    document = copy.deepcopy(WEATHER)
    place = document
    for step in path:
        place = place[step]
    edit(place)
    return document


GET = ("paths", "/weather/{city}", "get")


def read(document, *wanted):
    return list(operations_of(document, wanted or ("weather",)))


def test_an_operation_is_a_tool():
    [weather] = read(WEATHER)
    assert (weather.name, weather.description) == ("weather", "Current weather of a city.")
    assert weather.origin == ORIGIN
    assert weather.parameters == {
        "type": "object",
        "properties": {"city": {"type": "string"}, "units": {"type": "string", "enum": ["C", "F"]}},
        "required": ["city"],
        "additionalProperties": False,
    }
    assert weather.url({"city": "Oslo"}) == "https://api.example.com/v1/weather/Oslo"
    [ticket] = read(WEATHER, "open_ticket")
    assert ticket.parameters["required"] == ["body"]
    assert ticket.body({"body": {"subject": "x"}}) == '{"subject":"x"}'


def test_values_are_spelt_as_json_spells_them():
    def plain(get):
        get["parameters"][1]["schema"] = {"type": "boolean"}

    [weather] = read(changed(plain, *GET))
    assert weather.url({"city": "Oslo", "units": True}).endswith("?units=true")


def test_what_is_not_wanted_is_not_read():
    broken = changed(lambda post: post.update(requestBody=7), "paths", "/tickets", "post")
    assert [one.name for one in read(broken)] == ["weather"]
    with pytest.raises(Permanent, match=r"paths\./tickets\.post"):
        read(broken, "open_ticket")


def parameter(**fields):
    return lambda get: get["parameters"][1].update(fields)


def circle(document):
    document["components"]["schemas"]["Units"] = {"$ref": "#/components/schemas/Units"}


def endless(document):
    items = [{"type": "string"}] * (VALUES_MAX // 2)
    document["components"]["schemas"]["Units"] = {"type": "string", "anyOf": items}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (changed(lambda d: d.update(openapi="2.0")), "must be 3.x"),
        (changed(lambda d: d.update(paths=[])), "paths: it must be an object"),
        (changed(lambda d: d.update(servers=[])), "servers"),
        (changed(lambda d: d.update(servers=[{"url": "/v1"}])), "servers"),
        (changed(lambda d: d.update(servers=[{"url": "https://{region}.example.com"}])), "servers"),
        (changed(lambda d: d.update(servers=[{"url": "https://u:p@example.com"}])), "servers"),
        (changed(lambda d: d.update(servers=[{"url": "https://example.com:99999"}])), "servers"),
        (changed(lambda d: d.update(servers=[{"url": "file:///etc"}])), "servers"),
        (
            changed(parameter(**{"in": "header", "required": True}), *GET),
            "none can be sent in header",
        ),
        (changed(parameter(schema={"type": "array"}), *GET), "its type must be one of"),
        (changed(parameter(style="deepObject"), *GET), "its style"),
        (changed(parameter(allowReserved=True), *GET), "its type"),
        (changed(parameter(name="body"), *GET), "another name"),
        (
            changed(parameter(**{"$ref": "https://evil.example/x"}), *GET),
            "must lead into the document",
        ),
        (
            changed(parameter(schema={"$ref": "#/components/none"}), *GET),
            "there is no #/components",
        ),
        (changed(circle), "refers to itself"),
        (changed(endless), "too large"),
        (changed(lambda get: get["parameters"].pop(0), *GET), "those in the path"),
        (
            changed(
                lambda get: get["responses"].update({"200": {"content": {"text/csv": {}}}}), *GET
            ),
            "responses.200",
        ),
    ],
)
def test_what_cannot_be_used_is_named(document, words):
    with pytest.raises(Permanent, match="an interface can't be used") as refused:
        read(document)
    assert words in str(refused.value)


@pytest.mark.parametrize("city", ["", ".", ".."])
def test_a_path_is_not_climbed(city):
    [weather] = read(WEATHER)
    with pytest.raises(ValueError, match="can't be"):
        weather.url({"city": city})
