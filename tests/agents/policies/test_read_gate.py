"""Documents that the policy hides from a reader go no further than the search that found them."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.errors import BeyondMeans, Permanent
from schemas import (
    AppliedRule,
    Ask,
    Candidate,
    Embed,
    Fetch,
    Fetched,
    Found,
    Passage,
    Rerank,
    Search,
)
from tests.agents.policies.policies import HIDING, OPEN, RESIDENT, SENDING, a_document, governed
from tests.agents.test_retrieve import ANSWERS, CONFIGURATION, INDEX, chunks, failing, of, query
from tests.fakes import FakeEffects, a_codec, a_meta

PAY = {"alike": "salaries", "other": "salaries"}


def found(request, classes=PAY, described=True):
    """Four chunks of four documents, as the index names and describes them."""
    named = [
        Candidate(chunk=chunk, document=f"of {chunk}", lexical=row[0], dense=row[1], score=0)
        for chunk, row in INDEX.items()
    ]
    documents = tuple(
        a_document(f"of {chunk}", **({"class": classes[chunk]} if chunk in classes else {}))
        for chunk in sorted(INDEX)
    )
    told = documents if request.described and described else ()
    return Found(candidates=tuple(named), index="chunks_1", position=41, documents=told)


async def run(event, text, answers=None, region="", **changes):
    configured = {**CONFIGURATION, **changes}
    fx = FakeEffects("retrieve", event, {**ANSWERS, Search: found, **(answers or {})}, configured)
    await governed(fx, text, region).execute()
    [outcome] = fx.outcomes
    return outcome, fx.asked


def search(**ask):
    return query(ask=Ask(mode="search", **ask))


async def test_what_is_denied_is_neither_reranked_nor_fetched_nor_shown():
    outcome, asked = await run(search(groups=("staff",)), HIDING)
    assert set(chunks(outcome)) == {"right", "noise"}
    [reranked], [fetched] = of(Rerank, asked), of(Fetch, asked)
    assert set(reranked.chunks) == set(fetched.chunks) == {"right", "noise"}


async def test_the_group_that_may_read_sees_all_of_it():
    outcome, _ = await run(search(groups=("hr",)), HIDING)
    assert set(chunks(outcome)) == set(INDEX)


async def test_a_group_of_another_tenant_is_another_group():
    event = replace(search(groups=("hr",)), meta=a_meta(tenant="umbrella"))
    outcome, _ = await run(event, HIDING)
    assert set(chunks(outcome)) == {"right", "noise"}


@pytest.mark.parametrize("mode", ["search", "answer"])
async def test_the_record_tells_which_policy_decided_by_which_rules_and_how_often(mode):
    outcome, _ = await run(query(ask=Ask(mode=mode)), HIDING)
    [told] = outcome.policies
    assert (told.policy, told.action, told.allowed, told.denied) == ("p" * 64, "read", 2, 2)
    assert told.rules == (
        AppliedRule(rule="all may read", effect="permit", count=2),
        AppliedRule(rule="salaries are for hr", effect="forbid", count=2),
    )


async def test_without_a_policy_nothing_is_described_and_nothing_told():
    fx = FakeEffects("retrieve", search(), {**ANSWERS, Search: found}, CONFIGURATION)
    await fx.execute()
    [outcome] = fx.outcomes
    assert outcome.policies == ()
    assert [request.described for request in of(Search, fx.asked)] == [False]
    assert {passage.content_class for passage in outcome.passages} == {""}


async def test_a_policy_that_does_not_speak_of_reading_hides_nothing():
    outcome, asked = await run(search(), RESIDENT, region="eu")
    assert set(chunks(outcome)) == set(INDEX)
    assert [request.described for request in of(Search, asked)] == [False]


async def test_a_policy_that_speaks_of_sending_has_passages_tell_their_class():
    outcome, _ = await run(search(), SENDING)
    told = {passage.chunk: passage.content_class for passage in outcome.passages}
    assert told == {
        "right": "internal",
        "alike": "salaries",
        "other": "salaries",
        "noise": "internal",
    }


async def test_a_document_that_the_index_does_not_describe_is_hidden():
    outcome, _ = await run(search(), OPEN, {Search: lambda r: found(r, described=False)})
    assert outcome.outcome == "empty"
    [told] = outcome.policies
    assert (told.denied, told.rules[0].rule) == (4, "unknown")


async def test_nothing_is_fetched_where_all_is_hidden():
    hidden = dict.fromkeys(INDEX, "salaries")
    outcome, asked = await run(query(), HIDING, {Search: lambda r: found(r, hidden)})
    assert outcome.outcome == "empty"
    assert not of(Fetch, asked)
    assert not of(Rerank, asked)


def fetched(request):
    """Passages of whatever chunks."""
    made = {
        "version": 1, "number": 0, "title": "", "uri": "", "text": "t", "tokens": 1, "document": "d",
    }  # fmt: skip
    return Fetched(passages=tuple(Passage(chunk=chunk, **made) for chunk in request.chunks))


def crowd(hidden):
    """An index whose best chunks, so many of them, are hidden."""

    def answer(request):
        named = tuple(
            Candidate(chunk=f"c{n:03}", document=f"d{n:03}", lexical=500 - n, dense=0.9, score=0)
            for n in range(request.limit)
        )
        documents = tuple(
            a_document(one.document, **({"class": "salaries"} if n < hidden else {}))
            for n, one in enumerate(named)
        )
        return Found(candidates=named, index="i", position=1, documents=documents)

    return answer


@pytest.mark.parametrize(
    ("hidden", "limits"), [(0, [100]), (60, [100]), (61, [100, 400]), (500, [100, 400])]
)
async def test_more_is_searched_for_once_where_too_little_is_left(hidden, limits):
    answers = {Search: crowd(hidden), Rerank: failing(Permanent("no vectors")), Fetch: fetched}
    outcome, asked = await run(search(), HIDING, answers)
    assert [request.limit for request in of(Search, asked)] == limits
    [told] = outcome.policies
    assert told.denied == min(hidden, limits[-1])
    assert told.allowed == limits[-1] - told.denied


async def test_a_search_that_found_all_there_is_is_not_widened():
    _, asked = await run(search(), HIDING)
    assert len(of(Search, asked)) == 1


async def test_a_search_of_which_nothing_is_hidden_is_not_widened():
    answers = {Search: crowd(0), Rerank: failing(Permanent("no vectors")), Fetch: fetched}
    _, asked = await run(search(), HIDING, answers, candidates=30)
    assert [request.limit for request in of(Search, asked)] == [30]


async def test_each_wording_is_sifted():
    outcome, asked = await run(query(ask=Ask(mode="search"), wordings=("one", "two")), HIDING)
    assert len(of(Search, asked)) == 2
    assert set(chunks(outcome)) == {"right", "noise"}
    assert outcome.policies[0].denied == 2  # documents, however often they were found


classes = st.fixed_dictionaries(
    {}, optional={chunk: st.sampled_from(["salaries", "public"]) for chunk in INDEX}
)


@settings(deadline=None, max_examples=40)
@given(classes, st.sampled_from(["search", "answer"]), st.booleans())
async def test_no_text_of_what_is_denied_stands_in_any_later_effect_or_in_the_record(
    given_classes, mode, reranks
):
    texts = {chunk: f"text-of-{chunk}!" for chunk in INDEX}

    def fetch(request):
        whole = ANSWERS[Fetch](request)
        passages = tuple(replace(one, text=texts[one.chunk]) for one in whole.passages)
        return replace(whole, passages=passages)

    def rerank(request):
        if not reranks:
            raise Permanent("the index can't")
        return ANSWERS[Rerank](request)

    outcome, asked = await run(
        query(ask=Ask(mode=mode, groups=("staff",))),
        HIDING,
        {Search: lambda r: found(r, given_classes), Fetch: fetch, Rerank: rerank},
    )
    hidden = {chunk for chunk, name in given_classes.items() if name == "salaries"}
    written = a_codec().encode(outcome)
    later = [one for one in asked if not isinstance(one, Search | Embed)]
    for chunk in hidden:
        assert texts[chunk].encode() not in written
        assert all(chunk not in request.chunks for request in later if hasattr(request, "chunks"))
    shown = {one.chunk for one in outcome.passages}
    assert not shown & hidden
    if mode == "search":
        assert shown == set(INDEX) - hidden


# ---------------------------------------------------------------------- residency


async def test_a_request_that_would_cross_is_refused_by_the_rules_name_before_anything_is_asked():
    outcome, asked = await run(query(), RESIDENT, region="us")
    assert asked == []
    assert outcome.outcome == "refused"
    assert outcome.reason == (
        "Requests of this tenant may not be processed in the region us, by 'acme stays in the eu' "
        "of the policy in force."
    )
    [told] = outcome.policies
    assert (told.action, told.resource, told.denied) == ("process", "us", 1)


async def test_where_the_region_is_unknown_it_is_refused_too():
    outcome, asked = await run(query(), RESIDENT)
    assert asked == []
    assert "PLAYHEAD_REGION" in outcome.reason


@pytest.mark.parametrize(("tenant", "region"), [("acme", "eu"), ("umbrella", "us")])
async def test_what_stays_within_is_processed_and_told(tenant, region):
    event = replace(search(), meta=a_meta(tenant=tenant))
    outcome, _ = await run(event, RESIDENT, region=region)
    assert set(chunks(outcome)) == set(INDEX)
    assert [(one.action, one.allowed) for one in outcome.policies] == [("process", 1)]


# ---------------------------------------------------------------------- what can't be decided by


async def test_a_policy_that_can_not_be_read_lets_nothing_through():
    with pytest.raises(Permanent, match="the policy in force can't be used"):
        await run(query(), "permit(principal, action, resource")


async def test_without_the_engine_nothing_is_let_through(monkeypatch):
    monkeypatch.setitem(sys.modules, "cedarpy", None)
    with pytest.raises(BeyondMeans, match=r"cedarpy.*not installed here"):
        await run(query(), OPEN + "// read anew")
