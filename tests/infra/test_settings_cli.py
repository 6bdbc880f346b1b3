"""`playhead settings`: what is in force, and what it hides."""

import json

import pytest
from click.testing import CliRunner

from infra.settings_cli import HIDDEN, rows, settings
from streams.variables import VARIABLES, variable


def shown(environment, run):
    return {row.name: row for row in rows(environment, run)}


def test_each_value_is_shown_with_where_it_came_from(tmp_path):
    (tmp_path / "stack.json").write_text('{"kafka": "127.0.0.1:7701"}')
    listed = shown({"PLAYHEAD_WINDOW": "32"}, tmp_path)
    assert (listed["PLAYHEAD_KAFKA"].value, listed["PLAYHEAD_KAFKA"].source) == (
        "127.0.0.1:7701",
        "file",
    )
    assert (listed["PLAYHEAD_WINDOW"].value, listed["PLAYHEAD_WINDOW"].source) == (
        32,
        "environment",
    )
    assert (listed["PLAYHEAD_RUN"].value, listed["PLAYHEAD_RUN"].source) == (
        str(tmp_path),
        "option",
    )
    assert listed["PLAYHEAD_MEMORY_MB"].unit == "MB"
    assert listed["PLAYHEAD_MEMORY_MB"].source == "default"


@pytest.mark.parametrize("name", [variable(entry.name) for entry in VARIABLES if entry.secret])
def test_a_secret_is_hidden(tmp_path, name):
    listed = shown({name: "s3cr3t"}, tmp_path)
    assert listed[name].value == HIDDEN
    assert "s3cr3t" not in str(listed)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PLAYHEAD_OTLP_ENDPOINT", "https://ann:pw@host:4318", f"https://{HIDDEN}@host:4318"),
        ("PLAYHEAD_REGISTRY", "http://ann@host/a@b", f"http://{HIDDEN}@host/a@b"),
        ("PLAYHEAD_REGISTRY", "http://host/a@b", "http://host/a@b"),
        ("PLAYHEAD_GGUF", "/models/a.gguf", "/models/a.gguf"),
    ],
)
def test_a_password_in_an_address_is_hidden(tmp_path, name, value, expected):
    assert shown({name: value}, tmp_path)[name].value == expected


def test_names_that_are_not_set_are_left_out_unless_they_are_fields(tmp_path):
    assert "PLAYHEAD_GGUF" not in shown({}, tmp_path)


def test_json_is_one_document(tmp_path):
    done = CliRunner().invoke(settings, ["--json", "--run", str(tmp_path)])
    entries = json.loads(done.output)["settings"]
    assert entries["PLAYHEAD_RUN"] == {"value": str(tmp_path), "unit": "", "source": "option"}


def test_a_person_sees_a_line_for_each(tmp_path):
    done = CliRunner(env={"PLAYHEAD_WINDOW": "32", "COLUMNS": "200"}).invoke(
        settings, ["--run", str(tmp_path)]
    )
    [line] = [line for line in done.output.splitlines() if line.startswith("PLAYHEAD_WINDOW")]
    assert line.split() == ["PLAYHEAD_WINDOW", "32", "environment"]
