"""A policy that hides a document from a group: seen in search and chat, told, and verified.

The policy speaks of this test's tenant alone and lets all others be, for it is the stack's.
"""

import json
import random
import time
import uuid

import pytest

pytestmark = pytest.mark.stack

PATIENCE_S = 60
HANDBOOK = "# Handbook\n\nThe workshop opens at half past seven. The canteen opens at noon."
WAGES = "# Wages\n\nA foreman of the workshop earns forty crowns an hour, paid on Fridays."
POLICY = """
@id("all")
permit(principal, action == Action::"read", resource);
@id("wages are for clerks")
forbid(principal in Tenant::"{tenant}", action == Action::"read", resource)
when {{ resource.class == "wages" }} unless {{ principal in Group::"{tenant}/clerks" }};
"""
EARNS = "What does a foreman of the workshop earn an hour?"


@pytest.fixture
def tenant(running):
    """A tenant with a handbook, and wages that carry their class."""
    tenant = f"t{uuid.uuid4().hex[:10]}"
    for uri, text, metadata in (
        ("handbook.md", HANDBOOK, {}),
        ("wages.md", WAGES, {"class": "wages"}),
    ):
        state = running.submit(tenant, text, uri=uri, metadata=metadata)
        assert state["status"] == "indexed", state
    return tenant


@pytest.fixture
def in_force(running, tmp_path, tenant):
    """Put a policy in force until the end of the test; returns its digest."""

    def put(text):
        path = tmp_path / "rules.cedar"
        path.write_text(text)
        done = running.playhead("config", "set", "policy", str(path), "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["digest"]

    yield put
    running.playhead("config", "roll-back", "policy", "--to", "shipped")


def posted(running, tenant, path, text, *key):
    with running.client(tenant, *key) as client:
        answer = client.post(path, json={"text": text})
    assert answer.status_code == 200, answer.text
    return answer.json()


def found(running, tenant, *key):
    """Search; return the request's id and the URIs of what is shown."""
    told = posted(running, tenant, "/v1/search", EARNS, *key)
    return told["request_id"], {passage["uri"] for passage in told["passages"]}


def hidden_by(running, tenant):
    """Wait until workers go by the policy; return the search that shows it."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        request, uris = found(running, tenant)
        if "wages.md" not in uris:
            return request, uris
        assert time.monotonic() < deadline, uris


def test_a_policy_hides_a_document_from_all_but_a_group(running, tenant, in_force, tmp_path):
    assert found(running, tenant)[1] == {"handbook.md", "wages.md"}
    before = posted(running, tenant, "/v1/messages", EARNS)
    assert "forty crowns" in before["text"]

    rules = tmp_path / "dry.cedar"
    rules.write_text(POLICY.format(tenant=tenant))
    words = ("--against", "requests", "--tenant", tenant, "--json")
    dry = json.loads(running.playhead("policy", "check", str(rules), *words).stdout)["dry_run"]
    assert (dry["requests"], dry["changed"], dry["documents_hidden"]) == (2, 2, 2)
    assert {one["uri"] for each in dry["examples"] for one in each["hidden"]} == {"wages.md"}

    digest = in_force(POLICY.format(tenant=tenant))
    request, uris = hidden_by(running, tenant)
    assert uris == {"handbook.md"}
    answer = posted(running, tenant, "/v1/messages", EARNS)
    assert "forty" not in answer["text"]
    assert all(citation["uri"] != "wages.md" for citation in answer["citations"])

    clerk = ("--user", "clara", "--groups", "clerks")
    assert found(running, tenant, *clerk)[1] == {"handbook.md", "wages.md"}
    assert "forty crowns" in posted(running, tenant, "/v1/messages", EARNS, *clerk)["text"]

    told = json.loads(running.playhead("policy", "explain", request, "--json").stdout)
    [step] = told["steps"]
    assert step["decisions"][0]["policy"] == digest
    decided = {one["uri"]: (one["allowed"], one["rules"]) for one in step["documents"]}
    assert decided == {
        "handbook.md": (True, ["all"]),
        "wages.md": (False, ["wages are for clerks"]),
    }
    timeline = json.loads(running.playhead("replay", "timeline", request, "--json").stdout)
    [retrieve] = [one for one in timeline["steps"] if one["step"] == "retrieve"]
    assert [(one["action"], one["denied"]) for one in retrieve["policies"]] == [("read", 1)]
    verified = running.playhead("replay", "verify", "--tenant", tenant, "--json")
    assert verified.returncode == 0, verified.stdout[:2_000]


def test_what_is_no_policy_is_refused_with_its_place_and_nothing_changes(running, tmp_path):
    path = tmp_path / "rules.cedar"
    path.write_text('permit(principal, action == Action::"raed", resource);')
    before = running.playhead("config", "history", "policy").stdout
    done = running.playhead("config", "set", "policy", str(path))
    assert done.returncode == 1
    assert "line 1, column 37" in done.stderr
    assert running.playhead("config", "history", "policy").stdout == before


KEEPING = """
@id("all")
permit(principal, action == Action::"keep", resource);
@id("wages are kept for no day")
forbid(principal == Tenant::"{tenant}", action == Action::"keep", resource)
when {{ resource.class == "wages" && context.age_days >= 0 }};
"""


def test_what_is_past_its_time_is_withdrawn_found_no_longer_and_still_verifies(
    running, tenant, in_force
):
    # its body is a claim, by what no reader sees and nothing makes smaller; its text is a line
    long = f"<!-- {random.randbytes(300_000).hex()} --><h1>Book</h1><p>Wages are paid on Fridays."
    state = running.submit(
        tenant, long, uri="book.md", media_type="text/html", metadata={"class": "wages"}
    )
    assert state["status"] == "indexed", state
    in_force(KEEPING.format(tenant=tenant))

    def retain(*words):
        done = running.playhead("policy", "retain", "--tenant", tenant, "--json", *words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    dry = retain("--dry-run")
    assert {one["uri"] for one in dry["withdrawn"]} == {"wages.md", "book.md"}
    assert dry["claims_deleted"] == 0
    assert found(running, tenant)[1] >= {"wages.md"}
    told = retain()
    assert {one["uri"]: one["rules"] for one in told["withdrawn"]} == {
        "wages.md": ["wages are kept for no day"],
        "book.md": ["wages are kept for no day"],
    }
    assert told["claims_deleted"] == 1
    for one in told["withdrawn"]:
        assert running.await_document(tenant, one["document"])["status"] == "deleted"
    assert found(running, tenant)[1] == {"handbook.md"}
    again = retain()
    assert (again["withdrawn"], again["claims_deleted"]) == ([], 0)
    verified = running.playhead("replay", "verify", "--tenant", tenant, "--json")
    report = json.loads(verified.stdout)
    assert verified.returncode == 0, report
    assert report["erased"] > 0
