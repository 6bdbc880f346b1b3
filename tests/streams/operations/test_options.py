import gc

import click
import pytest
from click.testing import CliRunner

from streams.operations.options import Group, LateGroup, Verb, microseconds
from streams.running.collector import GC_OBJECTS, SELDOM


@click.command()
@click.option("--since", callback=microseconds)
def told(since):
    click.echo(since)


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("2026-01-31T12:00:00+00:00", 1_769_860_800_000_000),
        ("2026-01-31T13:00:00+01:00", 1_769_860_800_000_000),
        ("2026-01-31T12:00:00.000001Z", 1_769_860_800_000_001),
    ],
)
def test_a_time_is_microseconds_since_the_epoch(text, us):
    assert CliRunner().invoke(told, ["--since", text]).output == f"{us}\n"


def test_a_time_that_is_left_out_is_none():
    assert CliRunner().invoke(told).output == "\n"


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-01", "1769860800"])
def test_what_is_no_time_is_wrong_usage_that_shows_one(text):
    done = CliRunner().invoke(told, ["--since", text])
    assert done.exit_code == 2
    assert "write it as 2026-01-31T12:00:00+00:00" in done.output


@click.group(cls=Group, invoke_without_command=True)
@click.option("--run", default="here")
@click.option("-n", "--number", type=int)
@click.pass_context
def building(context, run, number):
    if context.invoked_subcommand is None:
        click.echo(f"built {run} {number}")


@building.command()
@click.option("--run", default="here")
def swap(run):
    click.echo(f"swapped {run}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--run there", "built there None"),
        ("swap", "swapped here"),
        ("swap --run there", "swapped there"),
    ],
)
def test_a_group_that_is_a_verb_has_options_of_its_own(words, said):
    assert CliRunner().invoke(building, words.split()).output == f"{said}\n"


@pytest.mark.parametrize("words", ["--run there swap", "--run there swap --run here"])
def test_an_option_that_the_verb_behind_it_would_not_see_is_refused(words):
    """It was passed over in silence: a swap of the stack in another folder than the one named."""
    done = CliRunner().invoke(building, words.split())
    assert (done.exit_code, "swapped" in done.output) == (2, False)
    assert "--run before 'swap' is of `building` alone: write it behind 'swap'" in done.output
    assert CliRunner().invoke(building, ["-n", "3", "swap"]).exit_code == 2


def test_while_a_verb_is_imported_the_collector_looks_seldom(tmp_path, monkeypatch):
    (tmp_path / "a_late_verb.py").write_text(
        "import gc, click\nLOOKS = gc.get_threshold()\n@click.command()\ndef verb(): click.echo(LOOKS)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    group = LateGroup("late", verbs={"verb": Verb("a_late_verb:verb", "A verb")})
    before = gc.get_threshold()
    assert CliRunner().invoke(group, ["verb"]).output == f"{(GC_OBJECTS, *SELDOM)}\n"
    assert gc.get_threshold() == before
