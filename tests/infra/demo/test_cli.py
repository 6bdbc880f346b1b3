"""How the demo ends: where the page is, how to stop, and what did not hold."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from infra.demo.checks import Checks
from infra.demo.cli import RUN, ending, show_ending
from infra.demo.stack import DemoStack
from streams.settings import Settings


def a_stack(run=RUN, stays=True):
    return DemoStack(Settings(run=Path(run).resolve(), gateway="http://127.0.0.1:7700"), stays)


def shown(facts, *held):
    checks = Checks(Console(file=io.StringIO(), width=60))
    for number, entry in enumerate(held):
        checks.holds(f"check {number}", entry, "something else")
    show_ending(facts, checks)
    return checks.console.file.getvalue()


@pytest.mark.parametrize(
    ("run", "stop"),
    [
        (RUN, "make down"),
        ("/tmp/other", "playhead down --run /tmp/other"),
        ("/tmp/a b", "playhead down --run '/tmp/a b'"),
    ],
)
def test_it_says_how_to_stop(run, stop):
    assert ending(a_stack(run), "ph_key", 1.0)["stop"] == stop


def test_the_page_opens_with_a_key_that_no_server_sees():
    facts = ending(a_stack(), "ph_key", 1.0)
    assert facts["page"] == "http://127.0.0.1:7700/#key=ph_key"
    long_key = "ph_" + "k" * 60
    assert f"/#key={long_key}" in shown(ending(a_stack(), long_key, 1.0), True)  # in one piece


def test_a_stack_that_was_stopped_has_no_page():
    facts = ending(a_stack(stays=False), "ph_key", 1.0)
    assert (facts["running"], facts["page"], facts["stop"]) == (False, None, None)
    assert "make up starts it again" in shown(facts, True)


def test_all_that_did_not_hold_stands_at_the_end():
    said = shown(ending(a_stack(), "ph_key", 1.0), True, False, True)
    assert "1 checks did not hold" in said
    assert said.rstrip().endswith("✗ check 1: something else")
    assert "Everything held." in shown(ending(a_stack(), "ph_key", 1.0), True)


def test_the_chat_model_that_the_stack_was_started_with_is_named(tmp_path):
    (tmp_path / "stack.json").write_text(
        '{"chat_model": "/models/own.gguf", "chat_trust": "quote"}'
    )
    facts = ending(a_stack(tmp_path), "ph_key", 1.0)
    assert facts["model"] == "/models/own.gguf (route own, trust quote)"
    assert "chat model /models/own.gguf" in shown(facts, True)
    (tmp_path / "stack.json").write_text("{}")
    facts = ending(a_stack(tmp_path), "ph_key", 1.0)
    assert "chat model" not in shown(facts, True)
