"""Logs of before verify by the code of after: one line in each kind of definition, other readers, other versions."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.golden.make_golden import PRESENT
from tests.golden.packing import unpacked
from tests.golden.verifying import verify
from tests.how_to.walk import Copy

HERE = Path(__file__).parent
LOGS = ["0.1.0", PRESENT]
GAINING = {
    "a request": ("search", '{"name": "aisle", "type": "string", "default": "none", "doc": "New."}'),
    "a request with a person's text": (
        "detect", '{"name": "kinds", "type": {"type": "array", "items": "string"}, "default": [], "doc": "New."}',
    ),
    "a record in requests": ("document_ref", '{"name": "region", "type": "string", "default": "", "doc": "New."}'),
    "an event": ("question_asked", '{"name": "mood", "type": ["null", "bytes"], "default": null, "doc": "New."}'),
    "an outcome": ("chunks_retrieved", '{"name": "a_first", "type": "int", "default": 7, "doc": "New."}'),
    "a local response": ("token_counts", '{"name": "batches", "type": "int", "default": 3, "doc": "New."}'),
    "a record in a local response": ("block", '{"name": "page", "type": "long", "default": 0, "doc": "New."}'),
    "a recorded response": ("found", '{"name": "shards", "type": "double", "default": 0.5, "doc": "New."}'),
    "a row of a table": ("table_row", '{"name": "folded", "type": "boolean", "default": true, "doc": "New."}'),
    "what is in a row": ("document_state", '{"name": "owner", "type": "string", "default": "-", "doc": "New."}'),
}  # fmt: skip
pytestmark = pytest.mark.slow


@pytest.fixture
def tree(tmp_path):
    return Copy(tmp_path / "tree")


def edit(tree, name, before, after):
    path = tree.place / name
    text = path.read_text()
    assert before in text, f"{name} has no {before!r}"
    path.write_text(text.replace(before, after))


def raise_reader_versions(tree):
    edit(tree, "connectors/readers/document_reader.py", "READER_VERSION = 3", "READER_VERSION = 4")
    edit(
        tree, "connectors/readers/before/readers_before.py", "RULES_BEFORE = 2", "RULES_BEFORE = 3"
    )


def said_of(log, tree, tmp_path):
    folder = unpacked(HERE / log, tmp_path / f"log of {log}")
    code, report = verify(folder, "--archive", str(folder / "log"), tree=tree.place)
    written = json.loads((HERE / log / "report.json").read_text())
    return code, report, written


def test_logs_of_before_verify_after_a_line_was_added_to_each_kind_of_definition(tree, tmp_path):
    for name, line in GAINING.values():
        path = tree.place / "schemas" / "avro" / f"{name}.avsc"
        definition = json.loads(path.read_text())
        definition["fields"].insert(0, json.loads(line))
        if name in {"question_asked", "chunks_retrieved"}:  # an event begins with its meta
            definition["fields"][:2] = definition["fields"][1::-1]
        path.write_text(json.dumps(definition, indent=1))
    tree.run("python", "-m", "schemas.generate")
    tree.run("python", "-m", "schemas.check")
    for log in LOGS:
        code, report, written = said_of(log, tree, tmp_path)
        assert (code, report["diverged"], report["unverifiable"]) == (0, [], [])
        assert (report["equal"], report["records"]) == (written["equal"], written["records"])


@pytest.mark.parametrize("log", LOGS)
def test_a_newer_reader_that_reads_the_same_makes_no_difference(tree, tmp_path, log):
    raise_reader_versions(tree)
    code, report, written = said_of(log, tree, tmp_path)
    assert (code, report["diverged"], report["unverifiable"]) == (0, [], [])
    assert report["equal"] == written["equal"]


@pytest.mark.parametrize("log", LOGS)
def test_a_newer_reader_that_reads_otherwise_is_named(tree, tmp_path, log):
    raise_reader_versions(tree)
    edit(
        tree,
        "connectors/readers/parsing.py",
        'title="" if error else flat(normalise(reading.title)),',
        'title="Another",',
    )
    code, report, _ = said_of(log, tree, tmp_path)
    assert (code, report["diverged"]) == (3, [])
    assert {entry["step"] for entry in report["unverifiable"]} == {"ingest"}
    for entry in report["unverifiable"]:
        assert "(Parse) gives another response than recorded: it was given by " in entry["reason"]
        then, here = re.search(r"given by (.+), here by (.+)", entry["reason"]).groups()
        assert then != here


@pytest.mark.parametrize("log", LOGS)
def test_a_step_that_computes_otherwise_under_another_unicode_is_named(tree, tmp_path, log):
    """As letters that Unicode 15 added would: with equal versions the same is a difference."""
    edit(tree, "agents/redact.py", 'data.decode("utf-8", errors="replace")', 'data.decode("utf-8", errors="replace").replace("e", "ë")')  # fmt: skip
    code, report, _ = said_of(log, tree, tmp_path)
    assert code == 1
    assert report["diverged"]
    version = "unicode {unicodedata.unidata_version}"
    edit(tree, "streams/version.py", version, "unicode 99.0.0")
    shutil.rmtree(tmp_path / f"log of {log}")
    code, report, _ = said_of(log, tree, tmp_path)
    assert (code, report["diverged"]) == (3, [])
    assert all("and is 99.0.0 here" in entry["reason"] for entry in report["unverifiable"])


def test_an_outcome_that_changed_is_noticed_in_the_log_of_the_present(tree, tmp_path):
    edit(tree, "agents/rewrite.py", "reason=wording.reason,", "reason='because',")
    code, report, _ = said_of(PRESENT, tree, tmp_path)
    assert code == 1
    assert {entry["step"] for entry in report["diverged"]} == {"rewrite"}


def test_a_step_that_came_later_leaves_no_work_in_progress_behind(tree, tmp_path):
    edit(tree, "streams/topics.py", 'Step("embed", embed, {ChunksRedacted: (ChunksEmbedded,)}, asks=(Embed,)),',
         'Step("embed", embed, {ChunksRedacted: (ChunksEmbedded,)}, asks=(Embed,)),\n'
         '    Step("weigh", embed, {FeedbackGiven: ()}, since="0.2.0.dev1"),')  # fmt: skip
    for log, pending in (("0.1.0", 0),):
        _, report, written = said_of(log, tree, tmp_path)
        assert report["pending"] == pending == written["pending"]
        assert report["equal"] == written["equal"]
    edit(tree, "streams/topics.py", ', since="0.2.0.dev1"),', "),")
    shutil.rmtree(tmp_path / "log of 0.1.0")
    _, report, _ = said_of("0.1.0", tree, tmp_path)
    assert report["pending"] == 1
