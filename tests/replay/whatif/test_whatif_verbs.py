"""`playhead replay run` and `what-if` on the command line, over an archive, with nothing running."""

import json
import shutil
import stat
from dataclasses import replace

import pytest

from infra import cli
from replay.export import export, rewrite
from schemas import ConfigurationSet
from streams.topics import topic_of
from tests.replay.whatif.mill_talk import SHUTTLE, TENANT, WHERE

BLOCK = [{"category": "wool", "pattern": "shuttle", "action": "block"}]


@pytest.fixture(scope="module")
def exported(mill, unit_path_factory):
    folder = unit_path_factory.mktemp("exported") / "archive"
    export(mill.log, folder)
    return folder


@pytest.fixture
def playhead(mill, exported, monkeypatch, capsys, tmp_path):
    """Call a verb in this process; return exit status, what it printed, and what it told."""
    monkeypatch.setenv("PLAYHEAD_RUN", str(mill.settings.run))
    monkeypatch.setenv("PLAYHEAD_TOKENIZER", mill.settings.tokenizer)
    monkeypatch.setenv("PLAYHEAD_KAFKA", "127.0.0.1:9")
    monkeypatch.setenv("PLAYHEAD_REGISTRY", "http://127.0.0.1:9")

    def call(verb, *words, archive=exported):
        work = ["--work", str(tmp_path / "work")] if verb == "what-if" else []
        with pytest.raises(SystemExit) as end:
            cli.main(["replay", verb, *map(str, words), "--archive", str(archive), *work])
        said = capsys.readouterr()
        return end.value.code or 0, said.out, said.err

    return call


@pytest.fixture
def blocking(tmp_path):
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(BLOCK))
    return f"moderate.rules={path}"


def test_what_the_record_answers_needs_nobody(playhead, mill, blocking):
    code, out, err = playhead("what-if", "--set", blocking, "--json")
    document = json.loads(out)
    assert code == 0
    assert "4 known without asking anybody (1 of them change), 0 to be asked live" in err
    assert document["all"]["changed"] == 1
    [told] = document["retroactive"]
    assert told["request_id"] == mill.requests[SHUTTLE]
    assert document["gate"] == []


def test_a_gate_that_breaks_ends_with_1_and_names_the_bound(playhead, blocking, tmp_path):
    gate = tmp_path / "gate.toml"
    gate.write_text('bounds = ["new_retractions <= 0.1", "leaks == 0"]')
    code, out, _ = playhead("what-if", "--set", blocking, "--gate", gate)
    assert code == 1
    assert "BROKEN new_retractions <= 0.1: is 0.25" in out
    assert "kept leaks == 0: is 0" in out
    gate.write_text('bounds = ["new_retractions <= 0.3"]')
    assert playhead("what-if", "--set", blocking, "--gate", gate)[0] == 0


def test_a_page_is_written_for_its_owner_alone(playhead, blocking, tmp_path):
    page = tmp_path / "page.html"
    assert playhead("what-if", "--set", blocking, "--html", page)[0] == 0
    assert "new_retractions" in page.read_text()
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


def test_an_estimate_asks_nobody(playhead, changed_prompt):
    code, out, _ = playhead("what-if", "--set", changed_prompt, "--estimate")
    assert code == 0
    assert "4 to be asked live" in out
    assert "4 Generate" in out
    code, out, _ = playhead("what-if", "--set", changed_prompt, "--estimate", "--json")
    assert json.loads(out)["estimate"]["open"] == 4


def test_a_cap_of_nothing_ends_with_3(playhead, changed_prompt):
    code, out, _ = playhead("what-if", "--set", changed_prompt, "--max-calls", 0)
    assert code == 3
    assert "stopped: --max-calls 0 is reached" in out


def test_documents_are_redacted_again_where_redaction_is_changed(playhead):
    words = ["--set", "redact.kinds=PERSON,LOCATION", "--max-calls", 0, "--json"]
    code, out, _ = playhead("what-if", *words)
    assert code == 3
    assert json.loads(out)["documents"]["found"] == {"LOCATION": 1}


def test_one_request_is_chosen_by_its_id(playhead, mill, blocking):
    request = mill.requests[WHERE]
    code, out, _ = playhead("what-if", "--set", blocking, "--request", request, "--json")
    assert (code, json.loads(out)["all"]["requests"]) == (0, 1)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--set", "retrieve.finl.dense=1"], "did you mean final?"),
        (["--set", "prompt=/nowhere"], "No such file"),
        (["--gate", "/nowhere.toml"], "/nowhere.toml: No such file"),
        (["--request", "r-none"], "no question r-none is on the log"),
        (["--tenant", "nobody"], "nothing is selected by --tenant nobody"),
        (["--since", "soon"], "is no time"),
        (["--html", "/nowhere/x.html"], "there is no such folder"),
        (["--sample", "0"], "0 is not in the range"),
        (["--max-cost", "-1"], "-1.0 is not in the range"),
    ],
)
def test_wrong_usage_is_one_line_and_2(playhead, words, told):
    code, out, err = playhead("what-if", *words)
    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1


def test_a_folder_with_other_work_is_wrong_usage(playhead, blocking):
    assert playhead("what-if", "--set", blocking)[0] == 0
    code, _, err = playhead("what-if", "--set", "rewrite.turns=5")
    assert code == 2
    assert "the work of another question" in err


def test_an_archive_without_its_configurations_says_so(playhead, exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "bare")
    rewrite(folder, topic_of(ConfigurationSet), 0, lambda one: replace(one, value=b"\0"))
    words = ["--set", "rewrite.turns=5", "--json"]
    code, out, _ = playhead("what-if", *words, archive=folder)
    assert (code, json.loads(out)["all"]["not_run"]) == (3, 4)
    reasons = {one["reason"] for one in json.loads(out)["not_run"]}
    assert all("is not on playhead.configuration.set" in reason for reason in reasons)


def test_a_folder_that_is_no_archive_is_told(playhead, tmp_path):
    code, _, err = playhead("run", archive=tmp_path)
    assert code == 1
    assert "not an archive" in err


def test_running_again_with_nobody_there_is_not_run(playhead, mill):
    words = ["--tenant", TENANT, "--max-calls", 0, "--json"]
    code, out, _ = playhead("run", *words)
    document = json.loads(out)
    assert (code, document["left"], document["stopped"]) == (3, 4, "--max-calls 0 is reached")
    code, out, _ = playhead("run", "--sample", 1, "--max-calls", 0)
    assert "1 request left" in out
