"""Whatever an archive is not as its manifest tells is named."""

import dataclasses
import json
import os
import shutil

import pytest

from replay.archive import MANIFEST, UNFINISHED, ArchiveLog
from replay.archive_faults import CUT_OFF, LISTED_MAX, of_topics
from replay.export import export
from streams.topics import TOPICS
from tests.replay.little_log import ASKED, REDACTED, a_log, with_every_topic

FIRST = f"{REDACTED}/0/{0:020d}.avro"


@pytest.fixture
async def folder(tmp_path):
    export(with_every_topic(await a_log(3), lanes=2), tmp_path / "archive", segment_records=4)
    return tmp_path / "archive"


def edit(folder, change):
    manifest = json.loads((folder / MANIFEST).read_text())
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))


def reasons(folder):
    return [fault.reason for fault in ArchiveLog(folder).faults()]


def test_nothing_is_said_of_what_an_export_wrote(folder):
    assert reasons(folder) == []


def entry(manifest, name=FIRST):
    return next(one for one in manifest["files"] if one["file"] == name)


def another(manifest, **fields):
    manifest["files"].append({**entry(manifest), **fields})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        # topics
        (lambda m: m["topics"].clear(), "0 partitions of"),
        (lambda m: m["topics"].pop(REDACTED), f"0 partitions of {REDACTED}"),
        (lambda m: m["topics"][REDACTED].pop("1"), f"1 partitions of {REDACTED}"),
        (lambda m: m["topics"].update({"playhead.x": {}}), "playhead.x, which is no topic"),
        # names
        (lambda m: m["files"].remove(entry(m)), "the manifest does not name it"),
        (lambda m: m["files"].clear(), "the manifest names no file of it"),
        (lambda m: entry(m).update(file="/etc/passwd"), "'/etc/passwd': no export gives"),
        (lambda m: entry(m).update(file=f"../{FIRST}"), "no export gives such a name"),
        (lambda m: entry(m).update(file=f"{REDACTED}/0/0.avro"), "no export gives such a name"),
        (another, "does not follow"),
        (lambda m: m["topics"].pop(ASKED), "names files of it and not its offsets"),
        # contents
        (lambda m: entry(m).update(sha256="0" * 64), "was changed: its SHA-256"),
        (lambda m: entry(m).update(records=3), "holds 4 from 0 to 3"),
        (lambda m: entry(m).update(records=9), "the manifest tells of 9 records from 0 to 3"),
        (lambda m: entry(m).update(last=2), "the manifest tells of 4 records from 0 to 2"),
        # schemas
        (lambda m: m["schemas"]["definitions"].clear(), "does not define"),
        (lambda m: m["schemas"]["ids"].update(Begun=1), "schema 1 does not define Begun"),
        (lambda m: m["schemas"]["definitions"].update({"99": "nope"}), "schema 99"),
        (lambda m: m["schemas"]["definitions"].update({"99": []}), "schema 99"),
        (
            lambda m: m["schemas"]["definitions"].update({"99": {"type": "int"}}),
            "no record of ours",
        ),
        # commits
        (lambda m: m["committed"].pop("redact"), "does not tell how far redact came"),
        (lambda m: m["committed"]["redact"].pop(f"{ASKED}/1"), "does not tell how far redact"),
        (
            lambda m: m["committed"]["redact"].update({f"{ASKED}/0": 9}),
            "redact acknowledged up to 9",
        ),
        (lambda m: m["committed"]["redact"].update({f"{ASKED}/0": -1}), "acknowledged up to -1"),
        (lambda m: m["committed"]["redact"].update({"t/7": 1}), "what is not in the archive"),
    ],
)
def test_a_manifest_that_does_not_fit_says_where(folder, change, says):
    edit(folder, change)
    told = reasons(folder)
    assert any(says in reason for reason in told), told


def test_a_file_that_is_missing_changed_or_a_link_is_named(folder):
    path = folder / FIRST
    whole = path.read_bytes()
    path.write_bytes(whole + b"x")
    assert f"{FIRST} was changed: its SHA-256 is not the manifest's" in reasons(folder)
    path.unlink()
    assert f"{FIRST} is missing: the manifest lists it" in reasons(folder)
    (folder.parent / "elsewhere").write_bytes(whole)
    path.symlink_to(folder.parent / "elsewhere")
    assert any(FIRST in reason and "can't be read" in reason for reason in reasons(folder))


@pytest.mark.parametrize(
    ("journal", "is_begun"),
    [
        (b'{"cluster": "c"}\n{"file": {"file": "%s"}}\n', True),
        (b'{"cluster": "c"}\n{"file": {"file": "other"}}\n', False),
        (b'{"cluster": "c"}\n{"file": "%s"}\n', False),
        (b'{"cluster": "c"}\n{"file": {"fi', False),  # torn
        (b"\xff", False),
        (b"[" * 100_000, False),
        (None, False),
    ],
)
def test_what_an_export_put_there_that_was_cut_off_is_told_as_that(folder, journal, is_begun):
    edit(folder, lambda manifest: manifest["files"].remove(entry(manifest)))
    if journal is not None:
        (folder / UNFINISHED).mkdir()
        (folder / UNFINISHED / "journal").write_bytes(journal.replace(b"%s", FIRST.encode()))
    [told] = [reason for reason in reasons(folder) if "does not name it" in reason]
    assert told.endswith(CUT_OFF) == is_begun


def test_a_journal_that_is_a_pipe_keeps_nobody_waiting(folder):
    (folder / UNFINISHED).mkdir()
    os.mkfifo(folder / UNFINISHED / "journal")
    assert reasons(folder) == []


def test_files_that_nobody_named_are_told_and_not_without_end(folder):
    shutil.copy(folder / FIRST, folder / REDACTED / "1" / f"{0:020d}.avro")
    (folder / "link").symlink_to("/")
    told = reasons(folder)
    assert (
        f"{REDACTED}/1/{0:020d}.avro lies in the archive, and the manifest does not name it" in told
    )
    assert "link lies in the archive, and the manifest does not name it" in told
    for number in range(LISTED_MAX + 5):
        (folder / f"extra-{number}").touch()
    assert len(reasons(folder)) == LISTED_MAX


def lacking(manifest):
    """What an archive is like that knows nothing of a topic: it has neither lanes nor a schema."""
    manifest["topics"].pop(REDACTED)
    manifest["files"] = [one for one in manifest["files"] if not one["file"].startswith(REDACTED)]
    schema_id = manifest["schemas"]["ids"].pop("QuestionRedacted")
    manifest["schemas"]["definitions"].pop(str(schema_id))


@pytest.mark.parametrize(("since", "told"), [("0.1.0", True), ("0.2.0.dev1", False)])
def test_only_a_topic_that_came_later_may_be_lacking(folder, since, told):
    topics = [
        dataclasses.replace(topic, since=since) if topic.name == REDACTED else topic
        for topic in TOPICS
    ]
    edit(folder, lacking)
    said = [fault.reason for fault in of_topics(ArchiveLog(folder), topics)]
    assert any(f"0 partitions of {REDACTED}" in reason for reason in said) is told
