"""`playhead config` over the running stack: what is set is followed without a restart, and told."""

import json
import time
import uuid

import pytest

pytestmark = pytest.mark.stack

PATIENCE_S = 60


def config(running, *arguments, code=0):
    done = running.playhead("config", *arguments)
    assert done.returncode == code, done.stderr or done.stdout
    return done


def in_force(running, step="generate"):
    told = json.loads(config(running, "show", "--json").stdout)["steps"]
    [row] = [row for row in told if row["step"] == step]
    return row


def answered_with(running, tenant, digest):
    """Ask until a run of generate begins with a configuration; return the answer."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        answer = running.ask(tenant, f"Where is the {uuid.uuid4().hex}?")
        timeline = running.playhead("replay", "timeline", answer["request_id"], "--json")
        runs = json.loads(timeline.stdout)["steps"]
        if digest in {run["configuration"] for run in runs if run["step"] == "generate"}:
            return answer
        assert time.monotonic() < deadline, runs


@pytest.fixture
def changes(tmp_path):
    def write(**values):
        path = tmp_path / f"{uuid.uuid4().hex}.json"
        path.write_text(json.dumps(values))
        return str(path)

    return write


@pytest.fixture
def restored(running):
    yield
    for step in ("generate", "rewrite"):
        running.playhead("config", "roll-back", step, "--to", "shipped")


def test_what_is_set_is_followed_and_gone_back_from_without_a_restart(running, changes, restored):
    tenant = f"t{uuid.uuid4().hex[:10]}"
    shipped = in_force(running)["digest"]
    said = f"Nothing of that kind, {uuid.uuid4().hex}."
    file = changes(not_found=said, translated={}, nothing_about={})
    done = config(running, "set", "generate", file, "--by", "ada", "--note", "tried", "--json")
    told = json.loads(done.stdout)
    assert told["written"]
    assert "1 worker" in told["workers"]
    assert told["digest"] != shipped
    assert answered_with(running, tenant, told["digest"])["text"] == said

    listed = json.loads(config(running, "history", "generate", "--json").stdout)["choices"]
    newest = listed[-1]
    assert (newest["offset"], newest["by"], newest["note"]) == (told["offset"], "ada", "tried")
    differing = config(running, "diff", "generate", "shipped", "active", code=1).stdout
    assert f'+ not_found: "{said}"' in differing

    config(running, "roll-back", "generate")
    assert in_force(running)["digest"] == shipped
    assert answered_with(running, tenant, shipped)["text"] != said
    verified = running.playhead("replay", "verify", "--tenant", tenant, "--json")
    assert verified.returncode == 0, verified.stdout[:2_000]


def test_what_a_step_can_not_work_by_is_refused_and_nothing_is_written(running, changes):
    before = config(running, "history").stdout
    done = config(running, "set", "generate", changes(passage_tokns=3), code=1)
    assert "`passage_tokns`" in done.stderr
    assert "did you mean `passage_tokens`" in done.stderr
    config(running, "set", "generate", changes(passage_tokens=33), "--dry-run")
    assert config(running, "history").stdout == before


def test_what_is_in_force_already_is_not_written_again(running, changes, restored):
    file = changes(turns=5)
    first = json.loads(config(running, "set", "rewrite", file, "--json").stdout)
    again = json.loads(config(running, "set", "rewrite", file, "--json").stdout)
    assert first["written"]
    assert not again["written"]


def test_an_arm_is_drawn_recorded_explained_and_promoted(running, changes, restored):
    tenant = f"t{uuid.uuid4().hex[:10]}"
    arms = [
        {"name": "curt", "share": 1.0, "not_found": "No.", "nothing_about": {}, "translated": {}}
    ]
    experiment = changes(experiment="tone-1", arms=arms)
    told = json.loads(config(running, "set", "generate", experiment, "--json").stdout)
    answer = answered_with(running, tenant, told["digest"])
    assert answer["text"] == "No."
    request = answer["request_id"]
    explained = running.playhead("routes", "explain", request, "--json")
    [one] = json.loads(explained.stdout)["answers"]
    assert (one["experiment"], one["variant"]) == ("tone-1", "curt")
    assert one["configuration"] == told["digest"]
    timeline = json.loads(running.playhead("replay", "timeline", request, "--json").stdout)
    [run] = [run for run in timeline["steps"] if run["step"] == "generate"]
    assert (run["experiment"], run["variant"]) == ("tone-1", "curt")

    refused = config(running, "promote", "generate", "crut", code=1)
    assert "Did you mean curt?" in refused.stderr
    done = json.loads(config(running, "promote", "generate", "curt", "--json").stdout)
    values = json.loads(config(running, "show", "generate").stdout)
    assert (values["not_found"], values.get("arms"), values.get("experiment")) == (
        "No.",
        None,
        None,
    )
    assert answered_with(running, tenant, done["digest"])["text"] == "No."
