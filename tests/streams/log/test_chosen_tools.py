"""Tools of tenants: what tools.json says is in the configuration of generate, or an error in words."""

import json

import pytest

from streams.log.chosen_model import in_force
from streams.log.chosen_tools import BYTES_MAX
from streams.log.configuration import load
from streams.settings import BadSetting, Settings
from tests.agents.tools.tooling import ORIGIN, WEATHER

CHOSEN = {
    "limits": {"steps_max": 2},
    "hosts": [{"origin": ORIGIN, "credential": "env:WEATHER_KEY"}],
    "tenants": {
        "acme": {"use": ["calculator", "weather"], "interfaces": [{"file": "weather.json"}]}
    },
}


def generate_by(folder, chosen=CHOSEN, interface=WEATHER, **settings):
    content = chosen if isinstance(chosen, str) else json.dumps(chosen)
    (folder / "tools.json").write_text(content)
    (folder / "weather.json").write_text(json.dumps(interface))
    return in_force(Settings(run=folder, **settings))["generate"]


def test_without_the_file_the_configuration_is_the_shipped_one(tmp_path):
    assert in_force(Settings(run=tmp_path))["generate"] == load()["generate"]


def test_the_file_is_laid_over_what_is_shipped(tmp_path):
    configured = generate_by(tmp_path)
    told = configured.values["tools"]
    assert configured.digest != load()["generate"].digest
    assert (told["limits"]["steps_max"], told["limits"]["calls_max"]) == (2, 8)
    assert told["tenants"]["acme"]["interfaces"] == [WEATHER]
    assert told["tenants"]["*"] == {"use": ["calculator"]}
    assert told["said"] == load()["generate"].values["tools"]["said"]


def test_no_key_is_on_the_log(tmp_path, monkeypatch):
    monkeypatch.setenv("WEATHER_KEY", "planted-0123456789")
    assert "planted-0123456789" not in generate_by(tmp_path).content


def test_a_file_of_another_name_is_told_by_the_setting(tmp_path):
    other = tmp_path / "other.json"
    other.write_text(json.dumps({"limits": {"steps_max": 3}}))
    told = in_force(Settings(run=tmp_path, tools=str(other)))["generate"].values["tools"]
    assert told["limits"]["steps_max"] == 3


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ("{", "is no JSON"),
        ("[]", "must hold a JSON object"),
        (" " * (BYTES_MAX + 1), "more than"),
        ({"said": {}}, "'said' is none of limits, hosts, tenants"),
        ({"tenants": []}, "tenants must be an object"),
        ({"limits": {"steps": 1}}, "steps"),
        ({"limits": {"steps_max": 0}}, "steps_max"),
        ({"hosts": [{"origin": "https://api.example.com"}]}, "origin"),
        ({"hosts": [{"origin": "https://u@api.example.com:443"}]}, "origin"),
        ({"hosts": [{"origin": ORIGIN, "credential": "planted-key"}]}, "credential"),
        ({**CHOSEN, "hosts": []}, "not among the hosts"),
        ({**CHOSEN, "tenants": {"acme": {"use": ["rain"]}}}, "uses rain, which none of its"),
        (
            {**CHOSEN, "tenants": {"acme": {"use": ["weather"], "interfaces": [WEATHER, WEATHER]}}},
            "uses weather, which 2 of its operations are called",
        ),
        ({"tenants": {"acme": {"interfaces": [{"file": "none.json"}]}}}, "there is no such file"),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_is_asked(tmp_path, chosen, words):
    with pytest.raises(BadSetting) as refused:
        generate_by(tmp_path, chosen)
    assert words in str(refused.value)
    assert "planted-key" not in str(refused.value)
