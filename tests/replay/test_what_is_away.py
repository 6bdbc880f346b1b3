"""What can't be read is no finding: each verb that judges an archive ends with 3 where it is away."""

import json
import os
import shutil
import threading
from contextlib import suppress
from dataclasses import replace

import click
import pytest
from botocore.config import Config

from agents.errors import Transient
from connectors.bucket_objects import BucketObjects
from infra.cli import VERBS, playhead
from replay.archive_places import ArchiveParameter, BucketPlace
from replay.export import rewrite
from replay.opening_logs import open_archive
from replay.seal.audit_report import BROKEN, audit
from replay.seal.known_checkpoints import Checkpoints, of_folder
from replay.selection import Selection
from replay.side_by_side import verify_side_by_side
from replay.verdict_group import WITHOUT_VERDICT
from schemas import QueryRewritten
from streams.topics import topic_of
from tests.replay.bucket_archives import PLACE, PREFIX, a_server, emptied, files_in
from tests.replay.seal.sealed_log import PLACE as PARTITION
from tests.replay.seal.sealed_log import SIGNER, SealedLog, edited

READING = {
    "replay verify": ("--archive", PLACE),
    "replay timeline": ("{request}", "--archive", PLACE),
    "replay lineage": ("--archive", PLACE),
    "replay debug": ("{request}", "--archive", PLACE),
    "replay run": ("--archive", PLACE),
    "replay what-if": ("--archive", PLACE, "--set", "code=present"),
    "replay import": (PLACE,),
    "replay rebuild tables": ("--archive", PLACE),
    "routes explain": ("{request}", "--archive", PLACE),
    "policy check": ("{rules}", "--against", "requests", "--archive", PLACE),
    "policy explain": ("{request}", "--archive", PLACE),
    "audit check": ("--archive", PLACE, "--key", str(SIGNER.verifier)),
    "audit checkpoints": ("--archive", PLACE),
    "audit prove": ("playhead.answer.released", "0", "0", "--archive", PLACE),
    "audit receipt": ("{request}", "--archive", PLACE),
}
"""Verbs that read an archive before they ask anybody else, and how they are called."""
ASK_OTHERS_FIRST = {"replay export", "replay fork", "replay rebuild"}
"""Verbs that ask broker or index first; their errors come by the same way."""
ELSEWHERE = {"tune", "eval export-judgements"}
"""Verbs that judge nothing, of groups that do not either."""


def verbs_of(command, *path):
    """All verbs, by what is typed, with their commands."""
    if path:
        yield " ".join(path), command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            if path or name in VERBS:
                yield from verbs_of(command.get_command(context, name), *path, name)


def test_every_verb_that_reads_an_archive_is_in_the_table():
    takes_one = {
        name
        for name, command in verbs_of(playhead)
        if any(isinstance(one.type, ArchiveParameter) for one in command.params)
    }
    assert takes_one == set(READING) | ASK_OTHERS_FIRST | ELSEWHERE


def refusing(status):
    def state(server, _released):
        server.before = lambda *_: status
        server.before_page = lambda _: status

    return state


def absent(server, _released):
    del server.buckets["backups"]


def truncated(server, _released):
    server.cut = lambda _: 1


def slow(server, released):
    """It takes requests, and answers none before the test is over."""

    def wait(*_):
        released.wait(60)

    server.before = server.before_page = wait


STATES = {
    "absent": absent,
    "refuses": refusing(403),
    "fails": refusing(503),
    "slow": slow,
    "truncated": truncated,
}


@pytest.fixture(scope="module")
def servers():
    """Two servers of S3, by whether their client gives up at once where it has to wait."""

    def hasty(**given):
        return Config(**{**given, "read_timeout": 0.05})

    with a_server() as patient, a_server() as left:
        emptied(patient)
        with suppress(Transient):  # else the library, imported below, would keep what is patched
            BucketObjects(PLACE, endpoint=patient.url).size("x")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("botocore.config.Config", hasty)
            emptied(left)
            with suppress(Transient):  # it makes the one client that all others take
                BucketObjects(PLACE, endpoint=left.url).size("x")
        yield {False: patient, True: left}


@pytest.fixture
def bucket(servers, sealed_archive, monkeypatch, tmp_path):
    """Put the archive in a bucket that is well so far; says whether its client shall be hasty."""

    def put(*, hasty=False):
        server = servers[hasty]
        held = emptied(server).buckets["backups"]
        held.update({PREFIX + name: one for name, one in files_in(sealed_archive).items()})
        monkeypatch.setenv("PLAYHEAD_S3_ENDPOINT", server.url)
        monkeypatch.setenv("PLAYHEAD_ARCHIVE_CACHE", str(tmp_path / "cache"))
        return server

    return put


@pytest.mark.parametrize("verb", READING)
@pytest.mark.parametrize("state", STATES)
def test_a_bucket_that_can_not_be_read_is_neither_verified_nor_different(
    command_line, archive, bucket, tmp_path, verb, state
):
    rules = tmp_path / "rules.cedar"
    rules.write_text("permit(principal, action, resource);\n")
    words = [one.format(request=archive.request, rules=rules) for one in READING[verb]]
    released = threading.Event()
    STATES[state](bucket(hasty=state == "slow"), released)
    try:
        code, out, err = command_line(*verb.split(), *words)
    finally:
        released.set()
    status = 1 if verb.split()[1] in WITHOUT_VERDICT else 3
    assert (code, out) == (status, ""), err
    assert "in bucket backups" in err.splitlines()[-1]


STATUSES = {
    "replay verify": 3,
    "audit check": 3,
    "audit seal": 3,
    "replay timeline x": 1,
    "routes explain x": 1,
}
"""Of verbs that ask the broker, where none is."""


@pytest.mark.slow  # each asks for eight seconds before it says so: a broker may be starting
def test_nor_is_a_broker(verbs, without_broker):
    asked = [verb.split() for verb in STATUSES]
    ended = verbs.run_all(asked, {**os.environ, **without_broker}, 120.0)
    for verb, one in zip(STATUSES, ended, strict=True):
        said = (one.returncode, one.stdout, "is the stack up?" in one.stderr)
        assert said == (STATUSES[verb], "", True), verb


def parts_are_away(server):
    """Let the manifest and the seal be read, and no part."""
    server.before = lambda _method, key: 503 if key.endswith(".avro") else None


def test_parts_that_are_away_are_told_and_are_no_faults(command_line, bucket):
    parts_are_away(bucket())
    code, out, err = command_line("audit", "check", "--archive", PLACE, "--json")
    assert out, err
    report = json.loads(out)
    assert (code, report["findings"], report["faults"]) == (3, [], []), err
    assert "in bucket backups" in report["unread"]
    code, out, err = command_line("audit", "check", "--archive", PLACE)
    assert (code, "the rest was not read" in out) == (3, True), err
    code, out, err = command_line("replay", "verify", "--archive", PLACE)
    assert (code, out) == (3, ""), err


@pytest.fixture
def half_away(archive, bucket, tmp_path):
    """An archive with a forged record, of whose other lanes no part can be read."""
    folder = shutil.copytree(archive.folder, tmp_path / "forged")
    lane = forge(folder)
    server = bucket()
    held = server.buckets["backups"]
    held.update({PREFIX + name: one for name, one in files_in(folder).items()})

    def before(_method, key):
        return 503 if key.endswith(".avro") and f"/{lane}/" not in key else None

    server.before = before
    return server


def forge(folder):
    """Change one byte in a record of the first lane that has a rewritten query; return the lane."""
    topic = topic_of(QueryRewritten)
    lane = min(int(path.parent.name) for path in (folder / topic).glob("*/*.avro"))

    def edit(stored):
        return replace(stored, value=stored.value[:-1] + bytes([stored.value[-1] ^ 1]))

    assert rewrite(folder, topic, lane, edit) > 0
    return lane


def test_verify_tells_what_differed_before(command_line, half_away):
    code, out, err = command_line("replay", "verify", "--archive", PLACE, "--json")
    report = json.loads(out)
    assert (code, bool(report["diverged"])) == (1, True), err
    assert "the rest was not read: can't read" in report["unverifiable"][-1]["reason"]


@pytest.mark.slow  # its processes begin anew, beside the threads of a server
def test_so_does_verify_in_several_processes(archive, half_away, tmp_path):
    settings = replace(
        archive.settings, s3_endpoint=half_away.url, archive_cache=str(tmp_path / "cache")
    )
    place = BucketPlace(PLACE)
    log = open_archive(place, settings)
    report = verify_side_by_side(log, place, settings, Selection(), 2)
    assert (report.status, bool(report.diverged)) == (1, True)
    assert "the rest was not read: can't read" in report.unverifiable[-1].reason


def test_a_bucket_that_is_well_is_read(command_line, bucket):
    bucket()
    code, out, err = command_line("audit", "check", "--archive", PLACE, "--json")
    assert out, err
    assert (code, json.loads(out)["unread"]) == (0, ""), err


def test_what_was_found_before_stands(tmp_path):
    log = SealedLog(tmp_path / "seal").put(3)
    log.log.put(PARTITION[0], b"x", partition=1)
    log.seal()
    log.rows[1] = edited(log.rows[1])
    report = HalfAway(log).report()
    assert ([one.kind for one in report.findings], report.status) == (["edited"], BROKEN)
    assert report.unread == "the second partition is away"


class HalfAway:
    """A sealed log of which the second partition can't be read."""

    def __init__(self, log):
        self._log = log

    def report(self):
        known = Checkpoints([SIGNER.verifier])
        known.take_all(of_folder(self._log.folder), "archive")
        return audit(self, self._log.folder, known)

    def extents(self):
        return self._log.log.extents()

    def faults(self):
        return []

    def records(self, topic, partition):
        if partition:
            raise Transient("the second partition is away")
        return self._log.log.records(topic, partition)
