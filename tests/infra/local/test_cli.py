"""The stack's command line, as far as it goes without a component."""

import json
import signal

import pytest
from click.testing import CliRunner

from infra.local import cli, ports
from infra.local.run_folder import is_up


@pytest.fixture
def playhead(tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYHEAD_RUN", str(tmp_path / "run"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = {number: signal.getsignal(number) for number in numbers}
    yield lambda *words: CliRunner().invoke(cli.main, list(words))
    for number, handler in handlers.items():  # an `up` in the foreground takes them
        signal.signal(number, handler)


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


@pytest.mark.parametrize("port", ["kafka=0", "kafka=65536"])
def test_a_port_out_of_range_is_refused_with_the_range(playhead, port):
    refused = playhead("up", "--port", port)
    assert refused.exit_code == 2
    assert f"'{port}': ports go from 1 to 65535" in refused.stderr


def test_what_was_never_up_is_not_up(playhead, tmp_path):
    assert "run is not up." in playhead("down").stderr
    said = playhead("status", "--json")
    assert said.exit_code == 1
    entries = json.loads(said.stdout)["components"]
    assert {entry["state"] for entry in entries.values()} == {"stopped"}
    assert not (tmp_path / "run").exists()


def test_what_is_down_is_said_as_json_too(playhead):
    down = playhead("down", "--json")
    assert (down.exit_code, json.loads(down.stdout)) == (
        0,
        json.loads(playhead("status", "--json").stdout),
    )


@pytest.mark.parametrize("verb", ["down", "status"])
def test_a_folder_that_was_named_and_is_none_is_an_error(playhead, tmp_path, verb):
    refused = playhead(verb, "--run", str(tmp_path / "typo"))
    assert refused.exit_code == 2
    assert "there is no folder" in refused.stderr
    assert not (tmp_path / "typo").exists()


def test_a_model_that_is_none_ends_up_before_anything_is_fetched(playhead, tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYHEAD_GGUF", str(tmp_path / "none.gguf"))
    for words in (["up"], ["up", "--detach"], ["up", "--only", "triton"]):
        refused = playhead(*words)
        assert refused.exit_code == 1
        assert refused.stderr.startswith("playhead: PLAYHEAD_GGUF=")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["up"], ["up", "--detach"]])
def test_a_worker_alone_is_refused_at_once_and_leaves_nothing_running(playhead, tmp_path, words):
    refused = playhead(*words, "--only", "worker", "--free-ports")
    said = refused.stderr or (tmp_path / "run" / "logs" / "supervisor.log").read_text()
    assert refused.exit_code == 1
    assert "worker can't do without kafka" in said
    assert not is_up(tmp_path / "run")
