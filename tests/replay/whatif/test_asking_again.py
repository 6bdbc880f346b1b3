"""A what-if over many requests: what is told before it, where it ends, and where it goes on."""

import json
import stat
from pathlib import Path

import pytest

from agents.errors import Permanent, Transient
from replay.whatif.finished_work import (
    FINISHED,
    QUESTION,
    FinishedWork,
    OtherWork,
    work_id,
    write_private,
)
from replay.whatif.whatif_report import report_of
from schemas import Embed, Generate
from streams.settings import Settings
from streams.version import CODE
from tests.fake_connectors import FakeAnsweringConnector
from tests.replay.whatif.mill_talk import KEY, OPENS, SHUTTLE, WHERE, MillTalk


async def test_nothing_set_is_the_record_and_asks_nobody(mill):
    found, run = await mill.what_if()
    assert {one.state for one in found.values()} == {"same"}
    assert run.stopped == ""
    assert sum(one.calls for one in found.values()) == 0
    assert all(one.now == one.recorded for one in found.values())


async def test_the_estimate_tells_what_the_record_has_from_where_it_is_left(mill, changed_prompt):
    again, questions, kept = mill.asking(changed_prompt)
    estimate = await again.estimate()
    kept.close()
    assert (estimate.requests, estimate.open) == (4, 4)
    assert estimate.calls["Generate"] == 4
    assert not set(estimate.calls) & {"Embed", "Search", "Detect"}
    prices = [chain.outcomes("generate")[-1].answer.usage for chain in questions.chains]
    answers = sum(2 * usage.completion_tokens for usage in prices) * 1_000
    assert estimate.cost_micros * 1_000 > answers
    assert estimate.as_json()["calls"]["Generate"] == 4


async def test_another_prompt_changes_what_the_model_says(mill, changed_prompt):
    found, _ = await mill.what_if(changed_prompt)
    assert {one.step for one in found.values()} == {"generate"}
    assert {one.calls for one in found.values()} <= {1, 2}
    report = report_of([*found.values()], {"set": [changed_prompt]})
    assert report["all"]["changed"] == 4
    assert report["tenants"]["mill"]["requests"] == 4
    assert report["all"]["figures"]["retrieval_overlap"]["value"] == 1


async def test_a_cap_ends_it_and_the_same_command_goes_on(mill, changed_prompt, tmp_path):
    again, questions, kept = mill.asking(changed_prompt, work=tmp_path / "work")
    await again.estimate()
    run = await again.ask(mill.outside(questions, calls_max=2))
    kept.close()
    assert run.stopped == "--max-calls 2 is reached"
    finished = [one for one in run.findings if one.is_final]
    assert 0 < len(finished) < 4
    assert [one.state for one in run.findings].count("open") == 4 - len(finished)
    again, questions, kept = mill.asking(changed_prompt, work=tmp_path / "work")
    estimate = await again.estimate()
    outside = mill.outside(questions)
    run = await again.ask(outside)
    kept.close()
    assert estimate.finished == len(finished)
    assert run.stopped == ""
    assert outside.caps.calls["Generate"] == 4 - len(finished)
    assert {one.state for one in run.findings} == {"changed"}


async def test_no_money_lets_only_what_is_free_begin(mill, changed_prompt):
    found, run = await mill.what_if(changed_prompt, cost_max=0)
    assert run.stopped == "--max-cost 0 is reached"
    assert {one.state for one in found.values()} == {"open"}


@pytest.mark.parametrize("error", [Transient("nobody there"), Permanent("no such model")])
async def test_a_model_that_never_answers_ends_it_and_is_asked_again_another_time(
    mill, changed_prompt, error
):
    def fail(_):
        raise error

    again, questions, kept = mill.asking(changed_prompt)
    await again.estimate()
    run = await again.ask(mill.outside(questions, FakeAnsweringConnector({Generate: fail})))
    kept.close()
    assert str(error) in run.stopped
    assert not [one for one in run.findings if one.is_final]
    assert (kept.folder / FINISHED).read_bytes() == b""


async def test_more_kinds_find_more_and_ask_on_from_there(mill):
    found, _ = await mill.what_if("redact.kinds=PERSON,LOCATION")
    assert [(one.placeholder, one.kind) for one in found[WHERE].found] == [
        ("<LOCATION_1>", "LOCATION")
    ]
    assert found[WHERE].question == "Where does the mill of <LOCATION_1> stand?"
    assert {found[text].state for text in (OPENS, KEY, SHUTTLE)} == {"same"}
    report = report_of([*found.values()], {"set": []})
    [told] = report["retroactive"]
    assert told["request_id"] == mill.requests[WHERE]
    assert (told["kinds"], told["models"]) == ({"LOCATION": 1}, ["chat@1"])
    assert told["subject"]


async def test_fewer_kinds_leak_and_no_plain_value_is_kept(mill):
    found, _ = await mill.what_if("redact.kinds=EMAIL_ADDRESS")
    assert found[KEY].state == "leaked"
    assert [one.placeholder for one in found[KEY].lost] == ["<PERSON_1>"]
    kept = (mill.place / f"work-{mill.works}" / FINISHED).read_text()
    assert "Orla" not in kept
    assert "[PERSON_1 in plain]" in kept
    report = report_of([*found.values()], {"set": []})
    assert report["all"]["lost"] == {"PERSON": 1}
    assert report["all"]["figures"]["leaks"]["value"] == 0.25


async def test_stricter_moderation_tells_who_saw_what_would_be_retracted(mill, tmp_path):
    rules = [{"category": "wool", "pattern": "shuttle", "action": "block"}]
    (tmp_path / "rules.json").write_text(json.dumps(rules))
    found, _ = await mill.what_if(f"moderate.rules={tmp_path / 'rules.json'}", live=False)
    assert found[SHUTTLE].now.ended == "retracted"
    assert found[SHUTTLE].now.categories == ("wool",)
    report = report_of([*found.values()], {"set": []})
    [told] = report["retroactive"]
    assert (told["what"], told["categories"]) == (["retracted"], ["wool"])
    assert told["tokens_shown"] == len(found[SHUTTLE].recorded.text.split())
    assert told["shown_from_us"] > 0
    assert told["shown_until_us"] is None
    assert report["all"]["figures"]["new_retractions"]["value"] == 0.25


async def test_a_mask_tells_only_the_words_that_it_takes(mill, tmp_path):
    rule = {"category": "wool", "pattern": "twelve", "action": "mask", "replacement": "***"}
    (tmp_path / "rules.json").write_text(json.dumps([rule]))
    found, _ = await mill.what_if(f"moderate.rules={tmp_path / 'rules.json'}")
    assert "***" in found[SHUTTLE].now.text
    assert found[SHUTTLE].shown.tokens == 1
    [told] = report_of([*found.values()], {"set": []})["retroactive"]
    assert told["what"] == ["masked"]


async def test_a_refusal_of_questions_is_a_new_block(mill):
    found, _ = await mill.what_if('redact.refused_patterns=["shuttle", "spare key"]')
    assert found[KEY].now.ended == "refused"
    assert found[KEY].lost == ()  # nothing of it stands anywhere
    assert found[SHUTTLE].now.ended == "refused"
    assert found[SHUTTLE].recorded.ended == "released"
    figures = report_of([*found.values()], {"set": []})["all"]["figures"]
    assert figures["new_blocks"]["value"] == 0.5


async def test_another_index_is_asked_though_the_requests_are_the_same(mill):
    found, _ = await mill.what_if("index=present")
    assert {one.state for one in found.values()} == {"same"}
    assert sum(one.calls for one in found.values()) >= 4 * 3


async def test_a_step_that_gives_up_now_is_a_failure(mill):
    def fail(_):
        raise Permanent("another model's vectors")

    questions = mill.questions()
    again, questions, kept = mill.asking("index=present", questions=questions)
    await again.estimate()
    connector = FakeAnsweringConnector({Embed: fail})
    run = await again.ask(mill.outside(questions, connector))
    kept.close()
    assert "no connector answers Search" in run.stopped
    report = report_of(run.findings, {"set": []}, run.stopped)
    assert report["all"]["failed_calls"] == 3
    assert report["stopped"] == run.stopped


def test_a_sample_is_the_same_for_the_same_seed(mill):
    def drawn(seed):
        chains = mill.questions(sample=2, seed=seed).chains
        return [chain.asked.meta.request for chain in chains]

    assert drawn(1) == drawn(1)
    assert len({tuple(drawn(seed)) for seed in range(12)}) > 1
    assert len(mill.questions(sample=100).chains) == 4


# ---------------------------------------------------------------------- the work folder


async def finished(mill, work):
    again, _, kept = mill.asking("rewrite.turns=5", work=work)
    await again.estimate()
    kept.close()
    return kept


async def test_the_folder_and_its_files_are_its_owners_alone(mill, tmp_path):
    kept = await finished(mill, tmp_path / "work")
    assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept.folder.iterdir()} == {0o600}


async def test_a_line_that_was_cut_off_is_run_again(mill, tmp_path):
    kept = await finished(mill, tmp_path / "work")
    path = kept.folder / FINISHED
    whole = path.read_bytes()
    assert whole.count(b"\n") == 4
    path.write_bytes(whole[:-40])
    again, _, kept = mill.asking("rewrite.turns=5", work=kept.folder)
    estimate = await again.estimate()
    kept.close()
    assert estimate.finished == 4
    assert sorted(path.read_bytes().splitlines()) == sorted(whole.splitlines())


async def test_what_was_lacking_is_run_once_it_is_there(mill, tmp_path):
    said, work = "redact.kinds=PERSON,LOCATION", tmp_path / "work"
    without = mill.questions(settings=Settings(run=tmp_path / "none"))
    again, _, kept = mill.asking(said, questions=without, work=work)
    estimate = await again.estimate()
    kept.close()
    assert {one.state for one in again.findings()} == {"not_run"}
    assert estimate.finished == 4  # nobody is to be asked for them
    again, questions, kept = mill.asking(said, work=work)
    await again.estimate()
    run = await again.ask(mill.outside(questions))
    kept.close()
    assert {one.state for one in run.findings} == {"same", "changed"}


async def test_of_whom_was_erased_meanwhile_nothing_is_told_that_was_found_before(tmp_path):
    mill = await MillTalk(tmp_path).hold(OPENS)
    kept = await finished(mill, tmp_path / "work")
    assert b"mill open" in (kept.folder / FINISHED).read_bytes()
    mill.erase()
    for _ in range(2):
        again, _, kept = mill.asking("rewrite.turns=5", work=kept.folder)
        await again.estimate()
        kept.close()
        assert {(one.state, one.question) for one in again.findings()} == {("erased", "")}
    assert b"mill open" not in (kept.folder / FINISHED).read_bytes()


async def test_what_other_code_found_is_not_gone_on_with(mill, tmp_path):
    kept = await finished(mill, tmp_path / "work")
    question = json.loads((kept.folder / QUESTION).read_text())
    assert question["code"] == CODE
    with pytest.raises(OtherWork):
        FinishedWork(kept.folder, {**question, "code": "9.9.9"})


async def test_who_ends_while_the_folder_is_opened_loses_nothing(mill, tmp_path, monkeypatch):
    kept = await finished(mill, tmp_path / "work")
    whole = (kept.folder / FINISHED).read_bytes()
    monkeypatch.setattr(Path, "replace", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        mill.asking("rewrite.turns=5", work=kept.folder)
    assert (kept.folder / FINISHED).read_bytes() == whole


async def test_another_questions_folder_is_not_taken(mill, tmp_path):
    kept = await finished(mill, tmp_path / "work")
    with pytest.raises(OtherWork, match="the work of another question"):
        mill.asking("retrieve.gap=0.08", work=kept.folder)
    with pytest.raises(OtherWork, match="Not a directory: name another by --work"):
        FinishedWork(kept.folder / "question.json" / "x", {})
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").touch()
    with pytest.raises(OtherWork, match="is not empty"):
        FinishedWork(tmp_path / "other", {})
    (kept.folder / "question.json").write_text("{")
    with pytest.raises(OtherWork, match="can't be read"):
        FinishedWork(kept.folder, {})


def test_a_name_of_work_follows_what_it_depends_on():
    assert work_id({"set": ["a"]}) == work_id({"set": ["a"]}) != work_id({"set": ["b"]})


def test_a_page_over_an_open_file_is_private(tmp_path):
    path = tmp_path / "page.html"
    path.touch(0o644)
    path.chmod(0o644)
    write_private(path, "x")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("x", 0o600)
