"""How a question spent its time until its first text, and what it left out."""

from __future__ import annotations

from msgspec.structs import replace

from schemas import (
    Answer,
    Ask,
    Batch,
    ChunksRetrieved,
    Effect,
    QueryRewritten,
    QuestionAsked,
    Sealed,
    TokensGenerated,
    TokensReleased,
    Usage,
)
from streams.operations.budget import SHARES_MS, stages
from tests.fakes import NOW_US, a_meta

ASK = Ask(deadline=NOW_US + 1_500_000)


def at(ms, **fields):
    return a_meta(at=NOW_US + ms * 1_000, **fields)


def a_question(ask=ASK):
    text = Sealed(key="k", event="e", field="text", ciphertext=b"")
    return QuestionAsked(meta=at(0), subject="u", text=text, ask=ask)


def rewritten(ms=100, degraded=(), **fields):
    return QueryRewritten(
        meta=at(ms, **fields),
        outcome="unchanged",
        subject="u",
        question="Q",
        query="Q",
        ask=ASK,
        degraded=degraded,
    )


def retrieved(ms=400, rerank_ms=350, degraded=(), outcome="retrieved"):
    effects = (
        ()
        if rerank_ms is None
        else (
            Effect(
                number=1, kind="Rerank", request=b"", started=NOW_US + rerank_ms * 1_000, took_us=0
            ),
        )
    )
    return ChunksRetrieved(
        meta=at(ms, effects=effects),
        outcome=outcome,
        subject="u",
        question="Q",
        query="Q",
        ask=ASK,
        degraded=degraded,
    )


def generated(ms=900, text="An", answer=None, **fields):
    return TokensGenerated(
        meta=at(ms, **fields),
        batch=Batch(number=0, last=answer is not None),
        text=text,
        answer=answer,
        ask=ASK,
        subject="u",
    )


def released(ms=950, text="An"):
    return TokensReleased(meta=at(ms), batch=Batch(number=0, last=False), text=text, subject="u")


WHOLE = (a_question(), rewritten(), retrieved(), generated(), released())


def told(events):
    return [(one.stage, one.took_us // 1_000, one.degraded) for one in stages(events)]


def test_the_shares_are_a_second_and_a_half():
    assert sum(SHARES_MS.values()) == 1_500


def test_each_stage_begins_where_the_one_before_it_ended():
    assert told(reversed(WHOLE)) == [
        ("rewrite", 100, ()),
        ("search", 250, ()),
        ("rerank", 50, ()),
        ("first", 500, ()),
        ("release", 50, ()),
    ]


def test_what_is_left_is_counted_to_the_deadline_and_slack_to_the_share():
    first, *_, last = (stage.as_json() for stage in stages(WHOLE))
    assert (first["share_ms"], first["slack_ms"], first["left_ms"]) == (250, 150.0, 1_400.0)
    assert last["left_ms"] == 550.0


def test_a_question_without_a_deadline_has_nothing_left_to_count():
    events = [a_question(Ask()), *WHOLE[1:]]
    assert {stage.left_us for stage in stages(events)} == {None}


def test_what_was_left_out_stands_at_the_stage_that_left_it_out():
    answer = Answer(
        text="An",
        usage=Usage(),
        finish_reason="extractive",
        question="Q",
        query="Q",
        degraded=("rewrite", "rerank", "generate"),
    )
    events = [
        a_question(),
        rewritten(degraded=("rewrite",)),
        retrieved(rerank_ms=None, degraded=("rewrite", "rerank")),
        generated(answer=answer),
    ]
    assert told(events) == [
        ("rewrite", 100, ("rewrite",)),
        ("search", 300, ("rerank",)),
        ("first", 500, ("generate",)),
    ]


def test_the_first_record_with_text_counts_and_the_newest_attempt():
    events = [
        *WHOLE[:3],
        generated(500, ""),
        generated(600),
        generated(700),
        replace(generated(800), meta=at(800, attempt=2)),
        released(810, ""),
        released(820),
    ]
    assert told(events)[3:] == [("first", 400, ()), ("release", 20, ())]


def test_clocks_that_disagree_make_no_negative_time():
    assert told([a_question(), rewritten(-5), retrieved(10, 5)])[0] == ("rewrite", 0, ())


def test_a_refused_question_passes_no_search():
    assert told([a_question(), rewritten(), retrieved(outcome="refused", rerank_ms=None)]) == [
        ("rewrite", 100, ())
    ]


def test_what_is_no_question_has_no_stages():
    assert stages(WHOLE[1:]) == []
