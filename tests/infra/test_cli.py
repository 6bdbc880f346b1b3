"""The command line as a whole: help with examples, errors of one line, and a quick start."""

import os
import signal
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import click
import pytest

from infra import cli
from infra.cli import OURS, VERBS, playhead, said
from replay.archive_places import ArchiveParameter
from streams.operations.options import LateGroup, NumberRange, Verb

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


def test_every_verb_that_reads_an_archive_reads_it_wherever_it_lies():
    kinds = {
        " ".join(path): type(option.type)
        for path, command in ALL
        for option in command.params
        if option.name == "archive"
    }
    assert len(kinds) > 15
    assert set(kinds.values()) == {ArchiveParameter}, kinds


@pytest.mark.parametrize(("path", "command"), ALL, ids=NAMES)
def test_every_verb_has_help_with_an_example_of_itself(path, command):
    text = command.help or ""
    assert "Example:" in text
    example = text.partition("Example:")[2]
    assert " ".join(("playhead", *path)) in example


LEAVES = [(path, command) for path, command in ALL if not isinstance(command, click.Group)]
OPTIONS = [
    (path, option)
    for path, command in ALL
    for option in command.params
    if isinstance(option, click.Option)
]
SERVERS = {("worker",), ("gateway",)}  # they report to nobody: they run until they are told to stop
CONVERSES = {("replay", "debug")}  # with whoever sits there, in the debugger's words
WITHOUT_A_STACK = {("parts",), ("audit", "verify-receipt"), ("audit", "witness")}


def flags(command):
    return {flag for option in command.params for flag in option.opts}


@pytest.mark.parametrize(
    ("path", "option"), OPTIONS, ids=[f"{' '.join(path)} {one.opts[-1]}" for path, one in OPTIONS]
)
def test_every_option_says_what_it_is_for(path, option):
    words = option.help or ""
    assert words[:1].isupper() or words.startswith("read:"), "a sentence"
    assert words.rstrip()[-1] in ".]"


def test_every_number_has_its_range():
    numbers = [
        (path, parameter)
        for path, command in ALL
        for parameter in command.params
        if isinstance(parameter.type, (click.types.IntParamType, click.types.FloatParamType))
    ]
    assert {parameter.name for _, parameter in numbers} >= {"workers", "port", "seed", "jobs"}
    for path, parameter in numbers:
        kind = parameter.type
        assert isinstance(kind, (click.IntRange, NumberRange)), (path, parameter.name)
        assert None not in {kind.min, kind.max}, (path, parameter.name)
        with pytest.raises(click.BadParameter):
            kind.convert("nan", parameter, None)


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[" ".join(path) for path, _ in LEAVES])
def test_every_verb_reports_as_json_and_takes_a_run_folder(path, command):
    assert ("--json" in flags(command)) is (path not in SERVERS | CONVERSES)
    assert ("--run" in flags(command)) is (path not in WITHOUT_A_STACK)


@pytest.mark.parametrize(("path", "command"), ALL, ids=NAMES)
def test_no_sentence_of_a_help_is_cut(path, command):
    shown = command.get_help(click.Context(command, info_name=" ".join(path)))
    assert "..." not in shown.replace("COMMAND [ARGS]...", "").replace("PATHS...", "").replace(
        "[ID]...", ""
    )
    assert max(map(len, shown.splitlines())) <= 100


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("stat",), "status"),
        (("dead",), "dead-letters"),
        (("ingets",), "ingest"),
        (("start",), "up"),
        (("stop",), "down"),
        (("verify",), "replay verify"),
        (("replay", "verfy"), "verify"),
        (("keys", "lits"), "list"),
        (("dead-letters", "ls"), "list"),
    ],
)
def test_a_verb_that_was_mistyped_is_asked_for(monkeypatch, capsys, words, meant):
    code, _, err = run(monkeypatch, capsys, *words)
    assert code == 2
    assert f"No such command '{words[-1]}'. Did you mean '{meant}'? (playhead" in err
    assert err.count("\n") == 1


def test_every_word_that_people_try_leads_to_a_verb_that_there_is():
    assert {tuple(meant.split()) for meant in cli.MEANT.values()} <= {path for path, _ in LEAVES}
    assert not set(cli.MEANT) & set(VERBS)


@pytest.mark.parametrize(
    ("path", "command"),
    [(path, command) for path, command in LEAVES if "--run" in flags(command)],
    ids=[" ".join(path) for path, command in LEAVES if "--run" in flags(command)],
)
def test_a_run_folder_without_a_stack_is_an_error_where_one_is_needed(
    monkeypatch, capsys, tmp_path, path, command
):
    if path in {("up",), ("demo",), ("settings",)} or path[0] == "eval":  # it starts one
        pytest.skip("it needs none")
    needed = ["x" for one in command.params if isinstance(one, click.Argument) and one.required]
    tenant = ["--tenant", "acme"] if "--tenant" in flags(command) else []
    run_folder = str(tmp_path / "none")
    code, out, err = run(monkeypatch, capsys, *path, *needed, *tenant, "--run", run_folder)
    assert (code, out) == (2, "")
    assert "Invalid value for '--run'" in err
    assert not (tmp_path / "none").exists()


def late_verbs(group):
    """Each verb of a group that imports them late, and of such groups within it."""
    context = click.Context(group)
    for name, verb in group.verbs.items():
        command = group.get_command(context, name)
        yield verb, command
        if isinstance(command, LateGroup):
            yield from late_verbs(command)


@pytest.mark.parametrize(("verb", "command"), late_verbs(playhead), ids=lambda one: None)
def test_the_summary_of_a_verb_is_how_its_help_begins(verb, command):
    assert " ".join((command.help or "").split()).startswith(verb.summary)


@pytest.mark.parametrize("group", [(), ("replay",)])
def test_help_loads_no_verb(group):
    loaded = (
        "import sys, contextlib, click\nfrom infra.cli import main, playhead\n"
        f"with contextlib.suppress(SystemExit): main([*{group}, '--help'])\n"
        "verbs = playhead.verbs\n"
        f"for name in {group}: verbs = playhead.get_command(click.Context(playhead), name).verbs\n"
        "places = {verb.place.split(':')[0] for verb in verbs.values()}\n"
        "sys.exit(1 if places & set(sys.modules) else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    verbs = VERBS if not group else playhead.get_command(click.Context(playhead), *group).verbs
    assert all(name in done.stdout for name in verbs)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nope",), "playhead: No such command 'nope'. (playhead --help shows how)\n"),
        (("--nope",), "playhead: No such option: --nope (playhead --help shows how)\n"),
        (("chat",), "playhead: Missing argument 'QUESTION'. (playhead chat --help shows how)\n"),
        (
            ("replay", "wizard"),
            "playhead: No such command 'wizard'. (playhead replay --help shows how)\n",
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


@pytest.mark.parametrize("late", ["streams.settings", "infra.local.network"])
@pytest.mark.parametrize("error", ["KeyboardInterrupt", "ArithmeticError"])
def test_ctrl_c_while_the_command_line_is_imported_is_a_line_and_no_trace(late, error):
    """Half of what is interrupted early is: nothing but imports has begun by then."""
    code = (
        "import sys\n"
        "class Slow:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {late!r}:\n"
        f"            raise {error}\n"
        "sys.meta_path.insert(0, Slow())\n"
        "import infra.cli\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if error == "KeyboardInterrupt":
        assert (done.stderr, done.returncode) == ("\nplayhead: interrupted\n", -signal.SIGINT)
    else:
        assert ("Traceback" in done.stderr, done.returncode) == (True, 1)
