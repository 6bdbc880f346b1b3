"""The help of every verb."""

from __future__ import annotations

import click
import pytest

from edge.cli.chat import chat
from edge.cli.hand_in import ingest
from edge.cli.keys import keys
from edge.cli.personal_data import personal_data
from infra.gateway_verb import gateway
from tests.edge.cli.running import run


@pytest.mark.parametrize(
    "command",
    [gateway, keys, ingest, chat, *keys.commands.values(), *personal_data.commands.values()],
    ids=lambda one: one.name,
)
def test_every_command_has_help_with_an_example(command):
    done = run(command, "--help")
    assert done.exit_code == 0
    assert "Example" in done.output
    assert isinstance(command, click.Command)
