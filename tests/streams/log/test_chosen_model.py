"""The chat model that a user chose: trusted with prose, told by name, on the log as configuration."""

import json
from pathlib import Path

import pytest

from agents.routing import routes_of
from streams.log import chosen_model
from streams.log.chosen_model import in_force, route_name
from streams.log.configuration import configuration, load
from streams.log.setup import configuration_records
from streams.settings import Settings

FILE = "/models/Qwen2.5 7B (q4).gguf"


def routes(**given):
    return routes_of(in_force(Settings(run=Path("r"), **given))["generate"].values["routes"]).routes


def test_without_a_choice_the_files_are_in_force():
    assert in_force(Settings(run=Path("r"))) == load()


@pytest.mark.parametrize(
    ("given", "named", "trust"),
    [
        ({"chat_model": FILE}, "Qwen2.5-7B-q4", "phrase"),
        ({"chat_model": FILE, "chat_trust": "quote"}, "Qwen2.5-7B-q4", "quote"),
        ({"chat_trust": "phrase"}, "chat", "phrase"),
    ],
)
def test_a_file_is_trusted_with_prose_under_its_name(given, named, trust):
    [route] = routes(**given)
    assert (route.name, route.model, route.trust) == (named, "chat", trust)


def test_it_is_a_configuration_of_its_own_on_the_log():
    chosen = in_force(Settings(run=Path("r"), chat_model=FILE))
    [record] = [one for one in configuration_records(chosen) if one.step == "generate"]
    assert record.digest == chosen["generate"].digest != load()["generate"].digest
    assert "Qwen2.5-7B-q4" in record.content
    others = {name: one for name, one in chosen.items() if name != "generate"}
    assert others.items() <= load().items()


def test_what_names_the_route_names_it_still(monkeypatch):
    values = load()["generate"].values
    values["routes"] = {
        "routes": [
            {"name": "chat", "model": "chat", "trust": "none"},
            {"name": "far", "model": "chat", "provider": "p", "fallbacks": ["chat"]},
            {"name": "new", "model": "n", "provider": "p", "canary": {"of": "chat", "share": 0.1}},
        ],
        "contracts": {"clinic": {"routes": ["chat"]}},
    }
    given = {**load(), "generate": configuration("generate", values)}
    monkeypatch.setattr(chosen_model, "load", lambda: given)
    changed = in_force(Settings(run=Path("r"), chat_model="m.gguf"))["generate"].values["routes"]
    assert json.dumps(changed).count('"m"') == 4
    read = routes_of(changed)
    assert [route.name for route in read.routes] == ["m", "far", "new"]
    assert [route.trust for route in read.routes] == ["phrase", "quote", "quote"]
    assert read.contract("clinic").routes == ("m",)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("a/b.gguf", "b"),
        ("(((.gguf", "chat"),
        ("日本.gguf", "chat"),
        ("x" * 300 + ".gguf", "x" * 100),
    ],
)
def test_any_file_has_a_name_that_a_route_may_bear(file, name):
    assert route_name(file) == name
