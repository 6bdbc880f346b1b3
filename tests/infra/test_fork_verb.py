"""`playhead replay fork`: what it says, what it refuses, and a fork on a real stack from first to last."""

import hashlib
import json
import uuid

import pytest

from infra import fork_verb
from replay.archive import MANIFEST, ArchiveLog
from schemas import SessionForked, TokensReleased
from streams.log.configuration import configuration
from streams.log.offsets import NoAnswer
from streams.running.producer_proof import ProducerProof
from streams.topics import topic_of
from tests.edge.cli.running import run
from tests.fakes import a_codec
from tests.infra.test_session_forks import Publisher
from tests.memory_log import MemoryLog
from tests.replay.conftest import archive

__all__ = ["archive"]

FORKED = topic_of(SessionForked)


class Choices:
    """What is configured now: of all steps what the log says, but for one."""

    def __init__(self, differs):
        self._differs = differs

    def read(self):
        return self

    def in_force(self, step, shipped):
        return configuration(step, {}) if step == self._differs else shipped

    def close(self):
        pass


@pytest.fixture
def target(archive, monkeypatch):
    """A log in memory that forks are written to; workers take them in at once."""
    log = MemoryLog()
    log.taken = True
    monkeypatch.setenv("PLAYHEAD_RUN", str(archive.settings.run))
    monkeypatch.setattr(fork_verb, "BrokerLog", lambda _: log)
    monkeypatch.setattr(fork_verb, "RequestPublisher", lambda *_, **__: Publisher(log))
    monkeypatch.setattr(fork_verb.ProducerProof, "now", lambda *_: ProducerProof())
    monkeypatch.setattr(fork_verb, "ConfigurationLog", lambda *_: Choices("rewrite"))
    monkeypatch.setattr(fork_verb, "taken_in", lambda *_: log.taken)
    return log


def call(archive, *words, **more):
    return run(fork_verb.fork, archive.request, "--archive", archive.folder, *words, **more)


def forks(log):
    rows = [row for (topic, _), rows in log.topics.items() if topic == FORKED for row in rows]
    return [a_codec().decode(row.value, SessionForked) for row in rows]


def tenant_of(archive):
    log = ArchiveLog(archive.folder)
    for topic, lane in log.extents():
        for stored in log.records(topic, lane) if topic == topic_of(TokensReleased) else ():
            return stored.key.decode()
    raise AssertionError("nothing was answered")


def test_a_request_of_an_archive_goes_on_as_a_session_of_its_test_tenant(archive, target):
    done = call(archive, "--as", "try-1")
    assert done.exit_code == 0, done.output
    tenant = tenant_of(archive)
    assert f"session try-1 of {tenant}-test goes on from request {archive.request}" in done.output
    assert f"searches the documents of {tenant}-test as they are now" in done.output
    assert "configured otherwise since: " in done.output
    assert f"ask on: playhead chat --tenant {tenant}-test --session try-1" in done.output
    [fork] = forks(target)
    digest = hashlib.sha256((archive.folder / MANIFEST).read_bytes()).hexdigest()
    assert (fork.origin.archive, fork.origin.request) == (digest, archive.request)
    assert fork.turns[-1].request == archive.request
    assert fork.by


def test_again_it_is_said_that_it_is_there(archive, target):
    first = json.loads(call(archive, "--as", "try-1", "--on", "lab-test", "--json").stdout)
    target.taken = False  # nobody waits for what lay there before
    again = json.loads(call(archive, "--as", "try-1", "--on", "lab-test", "--json").stdout)
    assert (first["already"], again["already"]) == (False, True)
    assert {**first, "already": True} == again
    assert first["taken_in"] is True
    assert "rewrite" in first["configured_otherwise"]
    assert len(forks(target)) == 1
    assert "as it did already" in call(archive, "--as", "try-1", "--on", "lab-test").output


def test_a_fork_that_no_worker_takes_in_is_told_and_ends_with_1(archive, target):
    target.taken = False
    done = call(archive, "--as", "try-1", "--user", "joe", "--before")
    assert done.exit_code == 1
    assert "goes on before request" in done.output
    assert "ask on with a key of the user joe" in done.output
    assert "no worker has taken it in within 15 s" in done.output
    assert call(archive, "--as", "try-2", "--wait", "0").exit_code == 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), 2, "--as"),
        (("--as", "s 1"), 1, "the session id must be"),
        (("--as", "try-1", "--on", "acme"), 1, "acme is no test tenant"),
        (("--as", "try-1", "--tenant", "nobody"), 1, "is none of tenant nobody"),
        (("--as", "try-1", "--with-values"), 1, "values stay with whom"),
        (("--as", "try-1", "--wait", "nan"), 2, "no number"),
        (("--as", "try-1", "--wait", "-1"), 2, "range"),
    ],
)
def test_what_can_not_be_forked_is_one_line_and_nothing_is_written(
    archive, target, words, code, says
):
    done = call(archive, *words)
    told = f"{done.output}{done.exception or ''}"
    assert done.exit_code == code
    assert says in told
    assert forks(target) == []


def test_a_broker_that_does_not_answer_is_told(archive, target, monkeypatch):
    def away(*_):
        raise NoAnswer("nothing within 10 s")

    monkeypatch.setattr(fork_verb, "taken_in", away)
    assert isinstance(call(archive, "--as", "try-1").exception, NoAnswer)


# ------------------------------------------------------------------ a real stack

RATES = "# Berths\n\nThe fee for a large berth is 90 euros a night. A small berth costs 40 euros."
PATIENT = {"budget_ms": 120_000}  # the first question of a stack meets services that still load


@pytest.mark.stack
def test_a_conversation_goes_on_elsewhere_and_the_log_verifies(running):
    tenant = f"fork-{uuid.uuid4().hex[:8]}"
    trial, user = f"{tenant}-test", ("--user", "eve")
    for name in (tenant, trial):
        running.submit(name, RATES)
    first = running.ask(tenant, "What is the fee for a large berth?", **PATIENT)
    request, session = first["request_id"], first["session_id"]
    running.ask(tenant, "And a small one?", session_id=session, **PATIENT)
    done = running.playhead("replay", "fork", request, "--as", "try-1", *user, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["tenant"], told["turns"], told["taken_in"]) == (trial, 1, True)
    with running.client(trial, *user) as client:
        asked = {"text": "And for a small one?", "session_id": "try-1", **PATIENT}
        answer = client.post("/v1/messages", json=asked).json()
    assert "40 euros" in answer["text"]
    told = json.loads(running.playhead("replay", "timeline", "try-1", "--json").stdout)
    origins = [one["origin"] for one in told["requests"] if "origin" in one]
    assert [one["request"] for one in origins] == [request]
    rewritten = [
        effect
        for one in told["requests"]
        for step in one["steps"]
        if step["step"] == "rewrite"
        for effect in step["effects"]
        if effect["kind"] == "ReadTurns"
    ]
    assert len(rewritten) == 1
    verified = running.playhead("replay", "verify", "--tenant", trial, "--json")
    assert verified.returncode == 0, verified.stdout
