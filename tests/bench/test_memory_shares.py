"""The memory of each process of a stack."""

import json
import os
import subprocess
import sys

import pytest
from rich.console import Console

from bench.memory_shares import as_json, of_a_chat, shares, show

HOLDING = """
import os, sys
held = bytearray(os.urandom(30_000_000))
if not os.fork():
    sys.stdin.read()
    os._exit(0)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def run(tmp_path):
    """Return the folder of a stack whose worker holds 30 MB with its fork."""
    arguments = [sys.executable, "-c", HOLDING, "connectors.some:load"]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdout.readline() == b"held\n"
        components = {"kafka": {"pid": os.getpid()}, "worker": {"pid": worker.pid}}
        (tmp_path / "state.json").write_text(json.dumps({"components": components}))
        yield tmp_path
        worker.communicate()


def test_what_forks_share_counts_once(run):
    found = shares(run)
    of_worker = [share for share in found if share.component == "worker"]
    assert [share.process for share in of_worker] == ["connectors.some:load"] * 2
    assert 30 < of_a_chat(found) < 60
    assert sum(share.own_mb for share in of_worker) < 30
    assert {share.component for share in found} == {"kafka", "worker"}
    assert as_json(found)["chat_mb"] == of_a_chat(found)


def test_the_table_names_each_process(run, capsys):
    show(shares(run), Console(width=160))
    said = capsys.readouterr().out
    assert "connectors.some:load" in said
    assert "worker and gateway with what they started" in said
