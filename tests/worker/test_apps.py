"""Faust's own command line knows the steps' apps."""

import subprocess
import sys
from pathlib import Path

import pytest

from streams.topics import FOLDS, STEPS, changelog_of, topic_of
from worker import apps

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("entry", STEPS, ids=lambda entry: entry.name)
def test_each_step_is_an_app_with_an_agent_for_each_of_its_topics(entry):
    app = getattr(apps, entry.name)
    reads = {topic_of(record) for record in entry.reads}
    reads |= {topic_of(fold.reads) for fold in FOLDS if fold.beside == entry.name}
    assert {agent.channel.get_topic_name() for agent in app.agents.values()} == reads
    assert all(agent.help for agent in app.agents.values())
    assert app.conf.id == f"playhead-{entry.name}"


@pytest.mark.parametrize("entry", STEPS, ids=lambda entry: entry.name)
def test_its_tables_say_what_they_hold_and_where_they_are_recovered_from(entry):
    app = getattr(apps, entry.name)
    assert {name: table.changelog_topic.get_topic_name() for name, table in app.tables.items()} == {
        name: changelog_of(name) for name in entry.tables
    }
    assert all(table.help for table in app.tables.values())


def test_the_driver_is_chosen_by_the_broker_url():
    app = apps.embed
    assert app.conf.broker_consumer[0].scheme == "librdkafka"
    assert type(app.transport).__module__ == "streams.delivery.faust_shell"


def test_the_driver_refuses_an_app_that_is_no_steps():
    import faust as library

    app = library.App("other", broker="librdkafka://127.0.0.1")
    with pytest.raises(TypeError, match="new_app"):
        _ = app.transport


def test_a_step_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(AttributeError, match="no step nonsense: it must be one of ingest, redact"):
        _ = apps.nonsense


def test_faust_shows_them_without_a_broker(tmp_path):
    shown = {
        "agents": ["@rewrite/playhead.question.redacted", "@rewrite/playhead.answer.released"],
        "tables": ["sessions", "The recent turns of each session"],
    }
    listings = {  # side by side, for each of them waits for a second at its end
        verb: subprocess.Popen(
            [Path(sys.executable).parent / "faust", "-A", "worker.apps:rewrite", verb],
            cwd=ROOT,
            env={"PATH": "", "COLUMNS": "400", "PLAYHEAD_RUN": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for verb in shown
    }
    for verb, texts in shown.items():
        said, _ = listings[verb].communicate(timeout=120)
        assert listings[verb].returncode == 0, said
        for text in texts:
            assert text in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.stack
def test_a_worker_of_fausts_runs_a_step_and_ends_in_good_order(running, tmp_path):
    """It takes a place in the step's group, and gives it back at SIGTERM."""
    import signal

    process = subprocess.Popen(
        [
            Path(sys.executable).parent / "faust",
            "-A",
            "worker.apps:moderate",
            "worker",
            "--without-web",
            "-l",
            "info",
        ],
        cwd=ROOT,
        env={"PATH": "", "PLAYHEAD_RUN": str(running.settings.run), "PLAYHEAD_LOG_LEVEL": "debug"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "lanes taken over" in line or "Worker ready" in line:
                break
        else:
            pytest.fail("".join(lines))
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait(timeout=60) == 0, "".join(lines) + rest
    finally:
        process.kill()
        process.wait()
