"""`replay run`: each question asked again, and of each the first step that comes out otherwise."""

import io

import pytest
from rich.console import Console

from agents.errors import Permanent
from replay.whatif.asked_report import AskedReport, show_run
from replay.whatif.run_cli import run_questions
from schemas import Generate, GeneratedToken
from tests.golden.canned_world import Oddities, Script
from tests.replay.whatif.mill_talk import OPENS, PEOPLE, SCRIPTS, SHUTTLE, MillTalk


async def ran(mill, *connectors, **caps):
    questions = mill.questions()
    outside = mill.outside(questions, *connectors, **caps)
    return await run_questions(questions, outside, outside.caps)


def printed(report):
    screen = io.StringIO()
    show_run(report, Console(file=screen, width=10_000, markup=False, highlight=False))
    return screen.getvalue()


class OtherWords(Oddities):
    """The same models, of which one says something else to one question."""

    def __init__(self, like, said):
        super().__init__(PEOPLE, {**SCRIPTS, **said})
        for name in ("_known", "_orders", "_refs", "_at", "_asked"):
            setattr(self, name, getattr(like, name))


async def test_the_same_models_come_to_the_record(mill):
    report = await ran(mill)
    assert (report.requests, report.same, report.differs) == (4, 4, [])
    assert report.calls["Generate"] == 4
    assert report.calls["Search"] == 4
    assert report.status == 0
    assert "4 requests run again: 4 as recorded, 0 otherwise" in printed(report)


async def test_a_model_that_says_something_else_is_named_with_both_texts(mill):
    other = OtherWords(mill.models, {OPENS: Script(("The mill opens in the morning.",))})
    report = await ran(mill, other)
    [told] = report.differs
    assert (told["request_id"], told["step"]) == (mill.requests[OPENS], "generate")
    assert told["effect"]["kind"] == "Generate"
    assert told["effect"]["field"] == "text"
    assert "at nine" in told["effect"]["recorded"]
    assert "in the morning" in told["effect"]["now"]
    assert told["outcome"]["field"].startswith("TokensGenerated[0].")
    assert report.status == 1
    assert "because effect" in printed(report)
    assert report.as_json()["differs"] == [told]


async def test_what_no_answer_explains_is_told_by_the_request(mill):
    class WithoutPassages(OtherWords):
        def handlers(self):
            kept = super().handlers()
            return {kind: kept[kind] for kind in kept if kind.__name__ != "Fetch"}

    report = await ran(mill, WithoutPassages(mill.models, {}))
    assert {told["step"] for told in report.differs} == {"retrieve"}
    assert all(told["effect"]["kind"] == "Fetch" for told in report.differs)


async def test_a_cap_leaves_the_rest(mill):
    report = await ran(mill, calls_max=12)
    assert report.stopped == "--max-calls 12 is reached"
    assert report.requests + report.left == 4
    assert report.status == 3
    assert "request" in printed(report)


async def test_what_can_not_be_run_is_listed_and_who_was_erased_is_counted(tmp_path):
    talk = await MillTalk(tmp_path).hold(OPENS, SHUTTLE)
    talk.erase()
    report = await ran(talk)
    assert (report.erased, report.same, report.status) == (2, 0, 0)
    assert report.calls.total() == 0


async def test_a_value_in_plain_is_told_by_its_placeholder(mill):
    blind = OtherWords(mill.models, {})
    blind._people = {}
    report = await ran(mill, blind)
    [told] = report.differs
    assert told["step"] == "redact"
    assert "Orla" not in str(report.as_json())
    assert "PERSON_1 in plain" in told["outcome"]["now"]


def test_a_long_list_is_cut():
    report = AskedReport(requests=30)
    report.not_run = [{"request_id": f"r-{n}", "tenant": "t", "reason": "x"} for n in range(30)]
    assert "… and 10 more: --json lists all" in printed(report)
    assert report.status == 3


@pytest.mark.parametrize("kind", [Generate])
async def test_a_model_that_is_gone_is_a_difference_with_its_error(mill, kind):
    class ModelGone(OtherWords):
        def stream_handlers(self):
            async def gone(_request, _call):
                raise Permanent("no such model")
                yield GeneratedToken(text="", at_us=0)

            return {kind: gone}

    report = await ran(mill, ModelGone(mill.models, {}))
    assert len(report.differs) == 4
    assert {told["effect"]["now"] for told in report.differs} == {"'Permanent: no such model'"}
