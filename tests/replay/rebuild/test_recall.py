"""Recall on recorded questions: which are asked, and what two sides find of what was cited."""

import pytest

from replay.rebuild.recall import Recalls, RecordedQuery, recalls, recorded_queries
from schemas import (
    Answer,
    AnswerJudged,
    AnswerReleased,
    Ask,
    ChunksRetrieved,
    Citation,
    Usage,
    Verdict,
)
from streams.topics import topic_of
from tests.fakes import a_codec, a_meta
from tests.memory_log import MemoryLog

CODEC = a_codec()


def put(log, event):
    log.put(topic_of(event), CODEC.encode(event), key=event.meta.tenant.encode())


def retrieved(request, tenant="acme", outcome="retrieved", **ask):
    return ChunksRetrieved(
        meta=a_meta(tenant, request=request),
        outcome=outcome,
        subject="u",
        question="q?",
        query=f"query of {request}",
        ask=Ask(**ask),
    )


def released(request, *cited):
    citations = tuple(
        Citation(chunk=chunk, document="d", title="", uri="", quote="") for chunk in cited
    )
    answer = Answer(
        text="t",
        query="q",
        question="q",
        citations=citations,
        usage=Usage(),
        finish_reason="stop",
    )
    return AnswerReleased(
        meta=a_meta(request=request),
        text="t",
        answer=answer,
        verdict=Verdict(allowed=True),
        subject="u",
    )


def judged(request, grade, reviewer="one", tenant="acme", **fields):
    return AnswerJudged(
        meta=a_meta(tenant, request=f"{request}-{reviewer}-{grade}"),
        about=request,
        answer="x",
        sample="",
        reviewer=reviewer,
        grade=grade,
        **fields,
    )


def queries(log, tenant=None, most=100):
    return recorded_queries(log, CODEC, tenant, most)


def test_searches_of_the_present_are_taken_with_what_answers_cited():
    log = MemoryLog()
    put(log, retrieved("a", groups=("hr",), filters={"kind": "x"}))
    put(log, retrieved("b", outcome="empty"))
    put(log, retrieved("c", outcome="small_talk"))
    put(log, retrieved("d", as_of=4))
    log.put(topic_of(ChunksRetrieved), b"noise")
    put(log, released("a", "one", "two", "one"))
    taken = {one.request: one for one in queries(log)}
    assert set(taken) == {"a", "b"}
    one = taken["a"]
    assert (one.text, one.groups, one.filters) == ("query of a", ("hr",), {"kind": "x"})
    assert (one.cited, taken["b"].cited) == (("one", "two"), ())


def test_a_sample_is_the_same_each_time_and_of_a_tenant_where_one_is_named():
    log = MemoryLog()
    for number in range(20):
        put(log, retrieved(f"r-{number}", "acme" if number % 2 else "globex"))
    some = [one.request for one in queries(log, most=5)]
    assert len(set(some)) == 5
    assert some == [one.request for one in queries(log, most=5)]
    assert some == [one.request for one in queries(log)][:5]
    assert {one.tenant for one in queries(log, "globex")} == {"globex"}


@pytest.mark.parametrize("most", [1, 3])
def test_a_question_that_was_searched_for_in_two_attempts_is_one(most):
    log = MemoryLog()
    for request in ("a", "a", "b", "a"):
        put(log, retrieved(request))
    assert len(queries(log, most=most)) == min(most, 2)


@pytest.mark.parametrize(
    ("judgements", "right"),
    [
        ((), False),
        ((("right", "one", {}),), True),
        ((("partly", "one", {}),), False),
        ((("right", "one", {}), ("undone", "one", {})), False),
        ((("right", "one", {}), ("wrong", "two", {})), False),
        ((("right", "one", {}), ("wrong", "two", {}), ("undone", "two", {})), True),
        ((("right", "one", {}), ("wrong", "two", {"tenant": "globex"})), True),
        ((("right", "one", {"tenant": "globex"}),), False),
        ((("right", "one", {"citations_wrong": True}),), False),
    ],
)
def test_only_what_nobody_objects_to_counts_as_judged_right(judgements, right):
    log = MemoryLog()
    put(log, retrieved("a"))
    put(log, released("a", "one"))
    for grade, reviewer, fields in judgements:
        put(log, judged("a", grade, reviewer, **fields))
    assert [one.right for one in queries(log)] == [right]


def test_shares_are_of_the_first_k():
    made = Recalls(2)
    query = RecordedQuery("acme", 0, "r", "q", cited=("a", "c"), right=True)
    made.add(query, (["a", "b", "c"], ["b", "a"]))
    made.add(RecordedQuery("acme", 0, "s", "q"), (["a"], ["b", "c"]))
    made.add(RecordedQuery("acme", 0, "t", "q"), ([], []))
    told = made.as_json()
    assert told["overlap"] == {"mean": 0.5, "queries": 2}
    assert told["recall_of_cited"] == [{"mean": 0.5, "queries": 1}] * 2
    assert told["recall_of_judged_right"] == [{"mean": 0.5, "queries": 1}] * 2
    assert Recalls(2).as_json()["overlap"] == {"mean": None, "queries": 0}


async def test_each_question_is_asked_on_both_sides():
    asked, done = [], []

    def side(name):
        async def search(query, k):
            asked.append((name, query.request, k))
            return [query.request]

        return search

    some = [RecordedQuery("acme", 0, name, name, cited=(name,)) for name in "ab"]
    made = await recalls(some, (side("one"), side("other")), 3, done.append)
    assert asked == [("one", "a", 3), ("other", "a", 3), ("one", "b", 3), ("other", "b", 3)]
    assert made.cited[0].as_json() == {"mean": 1.0, "queries": 2}
    assert done == [1, 2]
