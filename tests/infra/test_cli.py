"""The command line as a whole: help with examples, errors of one line, and a quick start."""

import os
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import click
import pytest

from infra import cli
from infra.cli import OURS, VERBS, Verb, playhead, said

ROOT = Path(__file__).parents[2]


def commands(command, path=()):
    """Walk all verbs and their own."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), (*path, name))


ALL = list(commands(playhead))
NAMES = [" ".join(path) or "playhead" for path, _ in ALL]


def call(*words, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PLAYHEAD_")}
    return subprocess.run(
        [sys.executable, "-m", "infra.cli", *words],
        cwd=ROOT,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def run(monkeypatch, capsys, *words, **environment):
    """Call the command line in this process; return exit code, output and errors."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as end:
        cli.main(list(words))
    said = capsys.readouterr()
    return end.value.code, said.out, said.err


@pytest.mark.parametrize(("path", "command"), ALL, ids=NAMES)
def test_every_verb_has_help_with_an_example_of_itself(path, command):
    text = command.help or ""
    assert "Example:" in text
    example = text.partition("Example:")[2]
    assert " ".join(("playhead", *path)) in example


@pytest.mark.parametrize(("name", "verb"), VERBS.items())
def test_the_summary_of_a_verb_is_how_its_help_begins(name, verb):
    command = playhead.get_command(click.Context(playhead), name)
    assert (command.help or "").startswith(verb.summary)


def test_help_loads_no_verb():
    loaded = (
        "import sys, contextlib\nfrom infra.cli import main, VERBS\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "places = {verb.place.split(':')[0] for verb in VERBS.values()}\n"
        "sys.exit(1 if places & set(sys.modules) else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in VERBS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nope",), "playhead: No such command 'nope'. (playhead --help shows how)\n"),
        (("--nope",), "playhead: No such option: --nope (playhead --help shows how)\n"),
        (("chat",), "playhead: Missing argument 'QUESTION'. (playhead chat --help shows how)\n"),
        (
            ("replay", "what"),
            "playhead: No such command 'what'. (playhead replay --help shows how)\n",
        ),
        (("up", "--workers", "x"), "playhead: Invalid value for '--workers': "),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(monkeypatch, capsys, words, message):
    code, out, err = run(monkeypatch, capsys, *words)
    assert (code, out) == (2, "")
    assert err.startswith(message)
    assert err.count("\n") == 1


@pytest.mark.parametrize("words", [(), ("keys",), ("replay",)])
def test_a_group_without_a_verb_shows_its_help(monkeypatch, capsys, words):
    code, out, err = run(monkeypatch, capsys, *words)
    assert code == 2
    assert out == ""
    assert "Example:" in err


def test_a_name_that_nobody_reads_ends_a_verb_but_not_its_help(monkeypatch, capsys):
    code, _, err = run(monkeypatch, capsys, "settings", PLAYHEAD_WINDWO="3")
    assert code == 1
    assert err.startswith("playhead: PLAYHEAD_WINDWO is no setting; did you mean PLAYHEAD_WINDOW?")
    code, out, _ = run(monkeypatch, capsys, "settings", "--help")
    assert code == 0
    assert "Example:" in out


def test_a_bad_value_is_one_line(monkeypatch, capsys):
    code, _, err = run(monkeypatch, capsys, "settings", PLAYHEAD_WINDOW="many")
    assert code == 1
    assert err == (
        "playhead: PLAYHEAD_WINDOW='many': it must be a whole number from 1 to 2,147,483,647\n"
    )


def test_the_process_itself_exits_so():
    done = call("settings", PLAYHEAD_WINDOW="many")
    assert done.returncode == 1
    assert done.stderr.startswith("playhead: PLAYHEAD_WINDOW='many'")
    assert "Traceback" not in call("settings", "--nope").stderr


def test_a_verb_that_ends_by_itself_gives_its_code(monkeypatch, capsys):
    module = types.ModuleType("a_verb")
    module.ends = click.Command("ends", callback=lambda: click.get_current_context().exit(3))
    monkeypatch.setitem(sys.modules, "a_verb", module)
    monkeypatch.setitem(VERBS, "ends", Verb("a_verb:ends", ""))
    assert run(monkeypatch, capsys, "ends")[0] == 3


def test_debug_shows_where(monkeypatch):
    monkeypatch.setenv("PLAYHEAD_LOG_LEVEL", "debug")
    monkeypatch.setenv("PLAYHEAD_WINDOW", "many")
    with pytest.raises(ValueError, match="PLAYHEAD_WINDOW"):
        cli.main(["settings"])


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (TimeoutError("no answer for 5 s"), "no answer for 5 s"),
        (LookupError("no lane 9"), "no lane 9"),
        (KeyError("x"), "KeyError: 'x' (PLAYHEAD_LOG_LEVEL=debug shows where)"),
        (
            OSError(28, "No space left"),
            "OSError: [Errno 28] No space left (PLAYHEAD_LOG_LEVEL=debug shows where)",
        ),
    ],
)
def test_an_error_is_said_in_one_line(error, message):
    assert said(error) == message


def test_our_own_errors_are_those_of_the_packages_that_ship():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == OURS
