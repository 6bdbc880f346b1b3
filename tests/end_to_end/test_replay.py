"""The invariant: inputs and recorded effects determine every other record."""

import json
import shutil
from pathlib import Path

import pytest

from streams.topics import STEPS
from tests.house import PACKAGES

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]
MUTATIONS = {
    "ingest": ("uri=", 'uri="mutated" + '),
    "redact": ("subject=asked.subject", 'subject=asked.subject + "mutated"'),
    "embed": ('"embedded" if', '"mutated" if'),
    "index": ("position=position", "position=position + 1"),
    "rewrite": ("outcome=", 'outcome="mutated" + '),
    "retrieve": ("outcome=", 'outcome="mutated" + '),
    "generate": ("_fixed(event, policy)", '("mutated", "stop")'),
    "moderate": ("text=", 'text="mutated" + '),
}


@pytest.fixture(scope="module")
def talk(running, workshop):
    """Something of every kind on the log."""
    running.ask(workshop, "What is the deposit for a torque wrench?")
    running.ask(workshop, "What is it called, the capital of the moon?")
    running.search(workshop, "compressor")


@pytest.fixture(scope="module")
def archive(running, talk, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "archive"
    done = running.playhead("replay", "export", str(folder), "--json")
    assert done.returncode == 0, done.stderr
    return folder


def test_every_record_is_recomputed_with_models_and_index_stopped(running, talk):
    if running.stack is None:
        pytest.skip("a stack of one's own can't be stopped in part")
    running.stack.stop_component("triton")
    running.stack.stop_component("weaviate")
    try:
        done = running.playhead("replay", "verify", "--json")
    finally:
        running.stack.start_component("weaviate")
        running.stack.start_component("triton")
    report = json.loads(done.stdout)
    assert done.returncode == 0, report["diverged"][:5]
    assert report["model_calls"] == 0
    held = report["equal"] + report["superseded"] + report["erased"]  # of what was kept too long
    assert report["records"] == held > 15


def test_an_archive_verifies_without_a_broker(running, archive):
    env = {"PLAYHEAD_KAFKA": "127.0.0.1:1", "PLAYHEAD_REGISTRY": "http://127.0.0.1:1"}
    done = running.playhead("replay", "verify", "--archive", str(archive), "--json", env=env)
    report = json.loads(done.stdout)
    assert done.returncode == 0, report["diverged"][:5]
    assert report["records"] > 15


@pytest.mark.parametrize("step", [step.name for step in STEPS])
def test_a_changed_line_of_a_step_is_noticed_and_the_step_named(
    running, workshop, archive, tmp_path, step
):
    tree = tmp_path / "tree"
    tree.mkdir()
    for package in PACKAGES:
        # with what Python compiled: it looks at a file's time and size, and compiles one anew alone
        shutil.copytree(ROOT / package, tree / package)
    path = tree / "agents" / f"{step}.py"
    old, new = MUTATIONS[step]
    head, _, body = path.read_text().partition("async def ")
    assert old in body, f"no {old!r} in {path}: choose another line to change"
    path.write_text(f"{head}async def {body.replace(old, new)}")
    # this tenant's talk has something of every step; the whole archive is verified above
    words = ("--archive", str(archive), "--tenant", workshop, "--json")
    done = running.playhead("replay", "verify", *words, root=tree)
    assert done.returncode == 1, done.stderr
    named = {entry["step"] for entry in json.loads(done.stdout)["diverged"]}
    assert named == {step}
