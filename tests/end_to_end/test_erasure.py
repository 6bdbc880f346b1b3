"""A person who chatted, and is mentioned, is erased: nothing of hers opens, all of others does, and the proofs hold."""

import json
import sqlite3
import time
import uuid

import pytest

pytestmark = pytest.mark.stack

PATIENCE_S = 60
VISITS = "# Visits\n\nAnna Schmidt keeps the keys of the tower. Bob Miller opens the gate at nine."
HERS = "# My allergies\n\nThe lodger of the attic is allergic to walnuts and to feathers."
ANNA = "anna.schmidt@tower.example"


@pytest.fixture
def tenant(running):
    """A tenant with a document that mentions two people, and one that is one of theirs."""
    tenant = f"t{uuid.uuid4().hex[:10]}"
    for uri, text, metadata in (
        ("visits.md", VISITS, {}),
        ("allergies.md", HERS, {"data_subject": ANNA}),
    ):
        state = running.submit(tenant, text, uri=uri, metadata=metadata)
        assert state["status"] == "indexed", state
    return tenant


@pytest.fixture
def told(running):
    """Run a verb, and return the document that it prints."""

    def tell(*words, status=0):
        done = running.playhead(*map(str, words), "--json")
        assert done.returncode == status, done.stderr or done.stdout
        return json.loads(done.stdout)

    return tell


def asked(running, tenant, user, text, path="/v1/messages"):
    with running.client(tenant, "--user", user) as client:
        answer = client.post(path, json={"text": text})
    assert answer.status_code == 200, answer.text
    return answer.json()


def uris(running, tenant, **more):
    with running.client(tenant, "--user", "bob") as client:
        found = client.post("/v1/search", json={"text": "walnuts and feathers", **more})
    assert found.status_code == 200, found.text
    return {passage["uri"] for passage in found.json()["passages"]}


def is_verified(told, *words):
    report = told("replay", "verify", *words)
    assert [report[name] for name in ("diverged", "unverifiable", "unreadable")] == [[], [], []]
    return report["erased"]


def secrets(running, tenant):
    """The wrapped keys of a tenant, by name."""
    with sqlite3.connect(f"file:{running.settings.keyring_path}?mode=ro", uri=True) as store:
        return dict(store.execute("SELECT name, wrapped FROM keys WHERE tenant = ?", (tenant,)))


def test_a_person_is_erased_and_the_proofs_hold(running, tenant, told, tmp_path):
    hers = asked(running, tenant, ANNA, "Who keeps the keys? Carla Ruiz, or I, Anna Schmidt?")
    asked(running, tenant, "bob", "Does Anna Schmidt keep the keys?")
    assert "Anna Schmidt" in hers["text"]
    assert "allergies.md" in uris(running, tenant)
    before, after = tmp_path / "before", tmp_path / "after"
    assert running.playhead("replay", "export", str(before)).returncode == 0
    kept = secrets(running, tenant)

    whom = ("--tenant", tenant, "--subject", ANNA, "--value", "Anna Schmidt")
    dry = told("erase", *whom, "--dry-run")
    counts = {one["kind"]: one["count"] for one in dry["held"]}
    assert (counts["questions"], counts["documents"], counts["named_values"]) == (1, 1, 1)
    assert len(dry["mentioning"]) == 1
    done = told("erase", *whom)
    assert (done["state"], done["held"], len(done["documents"])) == ("erased", dry["held"], 1)
    assert told("erase", *whom)["request_id"] == done["request_id"]

    gone = {name for name, secret in secrets(running, tenant).items() if secret is None}
    assert len(gone) == done["keys_destroyed"]
    stores = b"".join(
        path.read_bytes() for path in running.settings.keyring_path.parent.glob("keyring.sqlite*")
    )
    assert not any(kept[name] in stores for name in gone)
    assert any(secret in stores for name, secret in kept.items() if name not in gone)

    with running.client(tenant, "--user", ANNA) as client:
        answer = client.get(f"/v1/messages/{hers['request_id']}")
    assert (answer.status_code, answer.json()["type"]) == (410, "urn:playhead:problem:erased")
    back = asked(running, tenant, ANNA, "Who opens the gate? Bob Miller?")
    assert "Bob Miller" in back["text"]
    deadline = time.monotonic() + PATIENCE_S
    while "allergies.md" in uris(running, tenant):  # the withdrawal goes through the log
        assert time.monotonic() < deadline
    others = asked(running, tenant, "bob", "Who keeps the keys, and who opens the gate?")
    assert "Anna" not in others["text"]

    told("audit", "seal")
    assert told("audit", "check")["findings"] == []
    assert is_verified(told, "--tenant", tenant) >= 4
    assert running.playhead("replay", "export", str(after)).returncode == 0
    for archive in (before, after):
        words = ("--archive", archive, "--tenant", tenant)
        assert is_verified(told, *words) >= 4
