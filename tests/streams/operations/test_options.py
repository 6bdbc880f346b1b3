import click
import pytest
from click.testing import CliRunner

from streams.operations.options import microseconds


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
