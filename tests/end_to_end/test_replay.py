"""The invariant: inputs and recorded effects determine every other record."""

import json
import shutil
import uuid
from pathlib import Path

import pytest

from streams.topics import STEPS
from tests.end_to_end.conftest import HANDBOOK
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
def talker(running):
    """A tenant who has something of every step on the log, and nothing that other tests broke."""
    tenant = f"t{uuid.uuid4().hex[:10]}"
    state = running.submit(tenant, HANDBOOK, uri="handbook.md")
    assert state["status"] == "indexed", state
    running.ask(tenant, "What is the deposit for a torque wrench?")
    running.ask(tenant, "What is it called, the capital of the moon?")
    running.search(tenant, "compressor")
    return tenant


@pytest.fixture(scope="module")
def archive(running, talker, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "archive"
    done = running.playhead("replay", "export", str(folder), "--json")
    assert done.returncode == 0, done.stderr
    return folder


def verified(running, *words, **how):
    """Verify a log; what others of the session put on it may not be verifiable here, and never differs."""
    done = running.playhead("replay", "verify", *words, "--json", **how)
    report = json.loads(done.stdout)
    assert report["diverged"] == [], report["diverged"][:5]
    return done.returncode, report


def assert_held(code, report):
    """Hold that every record is the outcome of its input; some are superseded, none was erased."""
    assert code == 0, report
    assert report["records"] == report["equal"] + report["superseded"] > 15


def test_every_record_is_recomputed_with_models_and_index_stopped(running, talker):
    if running.stack is None:
        pytest.skip("a stack of one's own can't be stopped in part")
    running.stack.stop_component("triton")
    running.stack.stop_component("weaviate")
    try:
        of_all = verified(running)
        of_talker = verified(running, "--tenant", talker)
    finally:
        running.stack.start_component("weaviate")
        running.stack.start_component("triton")
    assert of_all[0] in {0, 3}
    assert_held(*of_talker)
    for _, report in (of_all, of_talker):
        assert report["model_calls"] == 0


def test_an_archive_verifies_without_a_broker(running, talker, archive):
    env = {"PLAYHEAD_KAFKA": "127.0.0.1:1", "PLAYHEAD_REGISTRY": "http://127.0.0.1:1"}
    words = ("--archive", str(archive))
    assert verified(running, *words, env=env)[0] in {0, 3}
    assert_held(*verified(running, *words, "--tenant", talker, env=env))


@pytest.mark.parametrize("step", [step.name for step in STEPS])
def test_a_changed_line_of_a_step_is_noticed_and_the_step_named(
    running, talker, archive, tmp_path, step
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
    words = ("--archive", str(archive), "--tenant", talker, "--json")
    done = running.playhead("replay", "verify", *words, root=tree)
    assert done.returncode == 1, done.stderr
    named = {entry["step"] for entry in json.loads(done.stdout)["diverged"]}
    assert named == {step}
