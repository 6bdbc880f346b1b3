"""`playhead gateway`, up to where it serves."""

import click
import pytest
from click.testing import CliRunner

from edge.cli import serve
from streams.settings import BadSetting


def test_the_allocator_is_told_before_anything_has_threads(monkeypatch, tmp_path):
    order = []

    def refuse(*_, **__):
        order.append("asks")
        raise BadSetting("no such file")

    monkeypatch.setattr(serve, "give_back_early", lambda: order.append("told"))
    monkeypatch.setattr(serve, "check_files", refuse)
    command = serve.gateway_command(lambda _: pytest.fail("it was refused"))
    monkeypatch.setenv("PLAYHEAD_KAFKA", "nowhere:1")
    done = CliRunner().invoke(command, ["--run", str(tmp_path)])
    assert (done.exit_code, order) == (click.ClickException.exit_code, ["told", "asks"])
    assert "no such file" in done.output
