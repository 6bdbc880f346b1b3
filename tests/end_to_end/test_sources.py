"""Sources through the command line on a running stack: what a user types, and what is found then."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas import DocumentSeen, DocumentSubmitted
from streams.log.codec import open_codec
from streams.log.lanes import lane_of, lanes
from streams.log.offsets import extent_of
from streams.log.reading import new_consumer, records
from streams.topics import topic_of
from tests.conftest import ROOT
from tests.local_site import LocalSite, html

pytestmark = pytest.mark.stack
PATIENCE_S = 120.0


@pytest.fixture
def tenant():
    """Return a tenant of the test's own."""
    return f"sources-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def sources(running, tenant):
    """Run a verb of `playhead sources` and return its JSON document."""

    def run(verb, *arguments, code=0):
        done = running.playhead("sources", verb, *arguments, "--tenant", tenant, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout) if done.stdout else done.stderr

    return run


def of_tenant(running, tenant, record):
    """Return a tenant's records of a type, in the order of the log."""
    settings, codec = running.settings, open_codec(running.settings)
    consumer = new_consumer(settings, "test")
    try:
        events = [
            codec.decode(message.value(), record)
            for lane in lanes(tenant, settings.partitions)
            for message in records(consumer, [extent_of(consumer, topic_of(record), lane)])
        ]
    finally:
        consumer.close()
    return [event for event in events if event.meta.tenant == tenant]


def settled(running, tenant):
    """Wait until nothing of a tenant is under way; return each document's status by uri."""
    deadline = time.monotonic() + PATIENCE_S
    with running.client(tenant) as client:
        while True:
            listed = client.get("/v1/documents?limit=1000").json()["documents"]
            states = {one["uri"]: one["status"] for one in listed}
            if not {"accepted", "ingested"} & set(states.values()):
                return states
            assert time.monotonic() < deadline, states
            time.sleep(0.2)


def counted(report):
    return {outcome: number for outcome, number in report["counts"].items() if number}


def test_a_folder_of_mixed_files_is_followed(running, tenant, sources, tmp_path):
    folder = tmp_path / "handbook"
    (folder / "deep").mkdir(parents=True)
    for number in range(12):
        (folder / f"page-{number}.md").write_text(f"# Page {number}\n\nDrawer {number} is green.")
    (folder / "deep" / "ladder.html").write_text("<p>The ladder stands in the boiler room.</p>")
    (folder / "noise.raw").write_bytes(bytes(range(256)))
    (folder / "loop").symlink_to(folder)
    sources("add", "handbook", folder)

    would = sources("run", "handbook", "--dry-run")
    assert counted(would) == {"added": 13, "skipped": 2}
    assert of_tenant(running, tenant, DocumentSubmitted) == []
    assert counted(sources("run", "handbook")) == {"added": 13, "skipped": 2}
    assert set(settled(running, tenant).values()) == {"indexed"}
    found = running.search(tenant, "Where does the ladder stand?")
    assert found[0]["uri"] == (folder / "deep" / "ladder.html").as_uri()

    (folder / "deep" / "ladder.html").write_text("<p>The ladder stands in the attic now.</p>")
    (folder / "page-3.md").unlink()
    (folder / "saw.md").write_text("# Saw\n\nThe saw hangs behind the door.")
    assert counted(sources("run", "handbook")) == {
        "added": 1,
        "changed": 1,
        "removed": 1,
        "unchanged": 11,
        "skipped": 2,
    }
    states = settled(running, tenant)
    assert states[(folder / "page-3.md").as_uri()] == "deleted"
    texts = " ".join(one["text"] for one in running.search(tenant, "Where does the ladder stand?"))
    assert "attic" in texts
    assert "boiler" not in texts
    [listed] = sources("list")["sources"]
    assert (listed["documents"], listed["last_run"]["state"]) == (13, "ended")

    for page in folder.glob("page-*.md"):
        page.unlink()
    refused = sources("run", "handbook", code=1)
    assert (refused["deletions_refused"], counted(refused)) == (11, {"unchanged": 2, "skipped": 2})
    assert sources("remove", "handbook", "--withdraw")["withdrawn"] == 13
    assert set(settled(running, tenant).values()) == {"deleted"}


def test_a_run_that_waits_tells_what_can_be_searched_and_what_can_not(
    running, tenant, sources, tmp_path
):
    folder = tmp_path / "mixed"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number}.md").write_text(f"# Hook {number}\n\nHook {number} is by the stairs.")
    (folder / "empty.txt").write_text("")
    (folder / "torn.docx").write_bytes(b"PK\x03\x04 no archive")
    sources("add", "mixed", folder)
    report = sources("run", "mixed", "--wait", code=1)
    assert counted(report) == {"added": 42}
    settled = report["settled"]
    assert (settled["indexed"], settled["failed"], settled["under_way"]) == (40, 2, 0)
    reasons = {one["name"].rpartition("/")[2]: one["reason"] for one in settled["failures"]}
    assert "holds no text" in reasons["empty.txt"]
    assert "damaged" in reasons["torn.docx"]
    found = running.search(tenant, "Where is hook 39?")
    assert "Hook 39 is by the stairs." in found[0]["text"]

    for name in ("empty.txt", "torn.docx"):
        (folder / name).unlink()
    gone = sources("run", "mixed", "--wait")
    assert (counted(gone), gone["settled"]["deleted"]) == ({"removed": 2, "unchanged": 40}, 2)
    (folder / "40.md").write_text("# Hook 40\n\nHook 40 is in the loft.")
    sources("run", "mixed")
    # what the run before handed in is waited for, too
    again = sources("run", "mixed", "--wait")
    assert (counted(again), again["settled"]["indexed"]) == ({"unchanged": 41}, 1)
    assert again["settled"]["failed"] == 0


def test_a_run_that_is_killed_is_made_up_for_without_a_second_id(
    running, tenant, sources, tmp_path
):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(120):
        (folder / f"{number}.md").write_text(f"# {number}\n\nShelf {number}.")
    sources("add", "many", folder, "--rate", "20")
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.cli", "sources", "run", "many", "--tenant", tenant],
        cwd=ROOT,
        env={**os.environ, "PLAYHEAD_RUN": str(running.settings.run)},
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + PATIENCE_S
    while len(of_tenant(running, tenant, DocumentSeen)) < 10:
        assert time.monotonic() < deadline
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    seen = len(of_tenant(running, tenant, DocumentSeen))
    assert 10 <= seen < 120

    sources("add", "many", folder)
    report = sources("run", "many")
    assert report["counts"]["added"] + report["counts"]["unchanged"] == 120
    assert report["counts"]["unchanged"] >= seen - 1
    submitted = of_tenant(running, tenant, DocumentSubmitted)
    ids = {}
    for event in submitted:
        ids.setdefault(event.uri, set()).add(event.meta.id)
    assert len(ids) == 120
    assert all(len(one) == 1 for one in ids.values())
    assert counted(sources("run", "many")) == {"unchanged": 120}


def test_a_site_and_a_database_are_followed(running, tenant, sources, tmp_path):
    store = tmp_path / "shop.db"
    with sqlite3.connect(store) as database:
        database.execute("CREATE TABLE articles (id, title, body, changed)")
        rows = [(n, f"Article {n}", f"Article {n} costs {n} crowns.", n) for n in range(1, 4)]
        database.executemany("INSERT INTO articles VALUES (?,?,?,?)", rows)
    sources(
        *("add", "articles", f"sqlite:///{store}", "-o", "table=articles", "-o", "key=id"),
        *("-o", "text=body", "-o", "title=title", "-o", "cursor=changed"),
    )
    assert counted(sources("run", "articles")) == {"added": 3}
    with sqlite3.connect(store) as database:
        database.execute("UPDATE articles SET body='Article 1 is sold out.', changed=9 WHERE id=1")
        database.execute("DELETE FROM articles WHERE id=2")
    partial = sources("run", "articles")
    assert (counted(partial), partial["complete"]) == ({"changed": 1, "unchanged": 1}, False)
    assert counted(sources("run", "articles", "--full")) == {"removed": 1, "unchanged": 2}

    with LocalSite({"/": html("/kiln", text="Welcome.", ETag='"1"')}) as site:
        site.pages["/kiln"] = html(text="The kiln is fired on Fridays.", ETag='"2"')
        sources("add", "site", site.url, "-o", "delay_s=0")
        assert counted(sources("run", "site")) == {"added": 2}
        assert counted(sources("run", "site")) == {"unchanged": 2}
        assert site.conditional["/kiln"] == 1
        settled(running, tenant)
        found = running.search(tenant, "When is the kiln fired?")
        assert found[0]["uri"] == f"{site.url}/kiln"
        del site.pages["/kiln"]
        assert counted(sources("run", "site")) == {"removed": 1, "unchanged": 1}


def test_what_sources_write_is_verified(running, tenant, sources, tmp_path):
    folder = tmp_path / "few"
    folder.mkdir()
    (folder / "a.md").write_text("# A\n\nThe well is deep.")
    sources("add", "few", folder)
    sources("run", "few")
    settled(running, tenant)
    lane = lane_of(tenant, "source-few", running.settings.partitions)
    assert all(event.meta.lane == lane for event in of_tenant(running, tenant, DocumentSeen))
    done = running.playhead("replay", "verify", "--tenant", tenant, "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["diverged"], report["unreadable"]) == (0, [], [])


def test_a_stream_of_changes_goes_through_the_inbox(running, tenant):
    topic = f"shop.{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": running.settings.kafka})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(60)
    producer = Producer({"bootstrap.servers": running.settings.kafka})

    def change(**told):
        producer.produce(topic, json.dumps({"payload": {"before": None, "after": None, **told}}))
        assert producer.flush(30) == 0

    def follow():
        example = ROOT / "docs" / "examples" / "change_stream.py"
        settings = running.settings
        words = [settings.kafka, settings.registry, topic, tenant, "id", "body"]
        command = [sys.executable, str(example), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[0]

    def reached(expected):
        deadline = time.monotonic() + PATIENCE_S
        with running.client(tenant) as client:
            while True:
                listed = client.get("/v1/documents").json()["documents"]
                states = {one["uri"]: one["status"] for one in listed}
                if states == expected:
                    return
                assert time.monotonic() < deadline, states
                time.sleep(0.2)

    change(op="c", after={"id": 1, "body": "The kettle boils."})
    change(op="c", after={"id": 2, "body": "The lamp glows."})
    assert follow() == "2"
    reached({f"{topic}/1": "indexed", f"{topic}/2": "indexed"})
    change(op="d", before={"id": 1, "body": "The kettle boils."})
    assert follow() == "1"
    reached({f"{topic}/1": "deleted", f"{topic}/2": "indexed"})
