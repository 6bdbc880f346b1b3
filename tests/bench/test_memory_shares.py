"""The memory of each process of a stack."""

import json
import os
import subprocess
import sys

import psutil
import pytest
from rich.console import Console

from bench.memory_shares import MemoryShare, as_json, of_a_chat, shares, show

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


def share(component, pss_mb):
    return MemoryShare(component, "python", pss_mb, own_mb=1.0, cpu_s=0.5)


@pytest.mark.parametrize(
    ("components", "of_chat"),
    [
        ((), 0),
        (("worker",), 10),
        (("gateway", "worker", "worker"), 30),
        (("kafka", "triton", "weaviate", "registry"), 0),
        (("documents", "worker"), 10),
        (("gateway", "template", "worker"), 30),
    ],
)
def test_a_chat_needs_the_worker_and_the_gateway_of_our_own(components, of_chat):
    assert of_a_chat([share(component, 10.0) for component in components]) == of_chat


def test_the_template_counts_without_its_forks_and_a_task_that_has_ended_not_at_all(run):
    state = json.loads((run / "state.json").read_text())
    worker = state["components"].pop("worker")["pid"]
    state["components"]["topics"] = {"pid": None}
    (run / "state.json").write_text(json.dumps({**state, "template": worker}))
    found = shares(run)
    assert [share.component for share in found if share.component != "kafka"] == ["template"]
    ended = subprocess.Popen(["true"])
    ended.wait()
    (run / "state.json").write_text(json.dumps({**state, "template": ended.pid}))
    assert "template" not in {share.component for share in shares(run)}


def test_a_process_that_has_just_ended_has_no_share(tmp_path, monkeypatch):
    monkeypatch.setattr("psutil.Process.memory_full_info", gone)
    (tmp_path / "state.json").write_text(json.dumps({"components": {"a": {"pid": os.getpid()}}}))
    assert shares(tmp_path) == []


def gone(process):
    raise psutil.NoSuchProcess(process.pid)


def test_what_runs_no_program_of_ours_goes_by_its_file(tmp_path):
    (tmp_path / "state.json").write_text(json.dumps({"components": {"a": {"pid": os.getpid()}}}))
    [mine, *_] = shares(tmp_path)
    assert "/" not in mine.process
    assert "python" in mine.process or "pytest" in mine.process
