"""The stack's command line, as far as it goes without a component."""

import json

import pytest
from click.testing import CliRunner

from infra.local import cli, ports


@pytest.fixture
def playhead(tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYHEAD_RUN", str(tmp_path / "run"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return lambda *words: CliRunner().invoke(cli.main, list(words))


def test_an_unknown_name_is_refused_with_those_that_there_are(playhead):
    refused = playhead("up", "--only", "kafak")
    assert refused.exit_code == 1
    why = "no component is called kafak; there are kafka, registry"
    assert refused.stderr.startswith(f"playhead: {why}")
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("port", ["kafka", "kafka=", "kafka=a", "kafak=1", "=1", "kafka=-1"])
def test_a_port_that_is_none_is_refused_with_the_names(playhead, port):
    refused = playhead("up", "--port", port)
    assert refused.exit_code == 2
    assert f"'{port}' is not NAME=PORT" in refused.stderr
    assert ports.NAMES[0] in refused.stderr


def test_what_was_never_up_is_not_up(playhead, tmp_path):
    assert "run is not up." in playhead("down").stderr
    said = playhead("status", "--json")
    assert said.exit_code == 1
    entries = json.loads(said.stdout)["components"]
    assert {entry["state"] for entry in entries.values()} == {"stopped"}
    assert not (tmp_path / "run").exists()
