"""The retrieve step, with an index in a dictionary."""

import array
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

import agents
from agents.changes import FIRST_STAYS, WHOLE_RANKINGS
from agents.errors import Permanent, Transient
from agents.relevance import relevance
from schemas import (
    Ask,
    Candidate,
    Embed,
    Embedded,
    Fetch,
    FetchAdjacent,
    Fetched,
    Found,
    Instant,
    MapEntry,
    Now,
    Passage,
    QueryRewritten,
    Rerank,
    Reranked,
    Sealed,
    Search,
)
from tests.fakes import NOW_US, FakeEffects, a_meta

CONFIGURATION = json.loads(
    (Path(agents.__file__).parent / "configuration/retrieve.json").read_text()
)
# by chunk: its scores by words, by vector and by late interaction, and its tokens
INDEX = {
    "right": (9.0, 0.80, 0.80, 300),
    "alike": (8.9, 0.80, 0.79, 300),
    "other": (5.0, 0.75, 0.75, 300),
    "noise": (0.0, 0.50, 0.40, 300),
}
# like each other, but not the same
ALIKE = {"right", "alike"}


def query(**fields):
    values = {
        "meta": a_meta(),
        "outcome": "rewritten",
        "subject": "u",
        "question": "and that?",
        "query": "What is right?",
        "wordings": ("What is right?",),
        "ask": Ask(),
    }
    return QueryRewritten(**{**values, **fields})


def embed(request):
    return Embedded(
        vectors=tuple(text.encode() for text in request.texts),
        token_vectors=tuple(b"t" for _ in request.texts),
        model="tiny@1",
        dimensions=1,
    )


def found(request, index=INDEX):
    return Found(
        candidates=tuple(
            Candidate(chunk=chunk, document=f"of {chunk}", lexical=row[0], dense=row[1], score=0)
            for chunk, row in index.items()
        ),
        index="chunks_1",
        position=41,
    )


def alike(one, other):
    if one == other:
        return 1.0
    return 0.9 if {one, other} == ALIKE else 0.0


def rerank(request):
    near = [alike(a, b) for a in request.chunks for b in request.chunks]
    return Reranked(
        scores=tuple(INDEX[chunk][2] for chunk in request.chunks),
        similarities=array.array("f", near).tobytes(),
    )


def fetch(request):
    return Fetched(
        passages=tuple(
            Passage(
                chunk=chunk,
                document=f"of {chunk}",
                version=1,
                number=0,
                title="",
                uri="",
                text=chunk,
                tokens=INDEX[chunk][3],
            )
            for chunk in request.chunks
        )
    )


def beside(request):
    """Of `right` and `other` a neighbour each, which is not in INDEX; and the other one."""
    near = {"right": ("alike", "after"), "other": ("before",)}
    return Fetched(
        passages=tuple(
            Passage(
                chunk=chunk,
                document=f"of {asked}",
                version=1,
                number=0,
                title="",
                uri="",
                text=chunk,
                tokens=250,
            )
            for asked in request.chunks
            for chunk in near.get(asked, ())
        )
    )


ANSWERS = {
    Embed: embed,
    Search: found,
    Rerank: rerank,
    Fetch: fetch,
    FetchAdjacent: beside,
    Now: lambda _: Instant(at=NOW_US),
}


async def run(event, answers=ANSWERS, code="test", **changes):
    fx = FakeEffects("retrieve", event, {**ANSWERS, **answers}, {**CONFIGURATION, **changes})
    fx.code = code
    await fx.execute()
    [outcome] = fx.outcomes
    return outcome, fx.asked


def chunks(outcome):
    return [passage.chunk for passage in outcome.passages]


def of(kind, asked):
    return [request for request in asked if isinstance(request, kind)]


def failing(error):
    def answer(_):
        raise error

    return answer


async def test_the_best_comes_first_then_what_is_unlike_it_and_the_far_tail_is_dropped():
    outcome, _ = await run(query(), diversity={"weight": 0.3, "copy": 0.98})
    assert outcome.outcome == "retrieved"
    assert chunks(outcome) == ["right", "other", "alike"]
    assert outcome.passages[0].score > outcome.passages[2].score > outcome.passages[1].score
    assert outcome.relevance > 0.99
    assert (outcome.index, outcome.position, outcome.degraded) == ("chunks_1", 41, ())


@pytest.mark.parametrize(("share", "arm"), [(1, "one"), (0.0001, "")])
async def test_an_arm_of_an_experiment_has_its_own_values_and_is_told(share, arm):
    arms = [{"name": "one", "share": share, "candidates": 1, "reranked": 1}]
    outcome, requests = await run(query(), arms=arms, experiment="fewer")
    assert (outcome.arm, outcome.experiment) == (arm, "fewer")
    [search] = of(Search, requests)
    assert (search.limit == 1) == (arm == "one")
    plain, _ = await run(query())
    assert (plain.arm, plain.experiment) == ("", "")


async def test_a_configured_generation_and_its_embedder_are_asked_for_everything():
    asked = (Search, Rerank, Fetch, FetchAdjacent)
    window = {"tokens": 301, "passages": 3}
    for index, generation, embedder in (
        ({}, 0, ""),
        ({"index": {"generation": 3, "embedder": "other"}}, 3, "other"),
    ):
        _, requests = await run(query(), window=window, **index)
        assert all(of(kind, requests) for kind in asked)
        assert {one.generation for kind in asked for one in of(kind, requests)} == {generation}
        assert [one.embedder for one in of(Embed, requests)] == [embedder]


async def test_a_copy_of_a_better_passage_is_left_out():
    outcome, _ = await run(query(), diversity={"weight": 1.0, "copy": 0.89})
    assert chunks(outcome) == ["right", "other"]


async def test_a_search_shows_the_whole_ranking():
    outcome, asked = await run(query(ask=Ask(mode="search", passages_max=10)), budget_tokens=1)
    assert chunks(outcome) == ["right", "alike", "other", "noise"]
    [request] = of(Fetch, asked)
    assert request.as_of == -1


@pytest.mark.parametrize("late", [True, False])
async def test_a_search_shows_behind_what_was_reranked_what_was_not(late):
    answers = {} if late else {Rerank: failing(Transient("away"))}
    ask = Ask(mode="search", passages_max=3)
    outcome, asked = await run(query(ask=ask), answers, reranked=2)
    assert chunks(outcome) == ["right", "alike", "other"]
    scores = [passage.score for passage in outcome.passages]
    assert scores == sorted(scores, reverse=True)
    assert outcome.relevance == (await run(query(ask=ask), answers))[0].relevance
    [request] = of(Rerank, asked)
    assert request.chunks == ("right", "alike")


@pytest.mark.parametrize(("code", "shown"), [("0.2.0.dev2", 2), (WHOLE_RANKINGS.since, 3)])
async def test_a_search_of_before_ends_with_what_was_reranked(code, shown):
    ask = Ask(mode="search", passages_max=3)
    outcome, _ = await run(query(ask=ask), code=code, reranked=2)
    assert len(outcome.passages) == shown


@pytest.mark.parametrize(
    ("code", "shown"),
    [("0.2.0.dev5", ["other"]), (FIRST_STAYS.since, ["right", "other"])],
)
async def test_the_first_of_all_signs_was_left_out_where_late_interaction_found_another(
    code, shown
):
    late = {"right": 0.62, "alike": 0.4, "other": 0.75, "noise": 0.4}

    def answer(request):
        scores = tuple(late[chunk] for chunk in request.chunks)
        return replace(rerank(request), scores=scores)

    outcome, _ = await run(query(), {Rerank: answer}, code=code)
    assert chunks(outcome) == shown


async def test_a_prompt_holds_nothing_that_was_not_reranked():
    outcome, _ = await run(query(), reranked=2, diversity={"weight": 1.0, "copy": 0.98})
    assert chunks(outcome) == ["right", "alike"]


async def test_no_more_passages_than_asked_for():
    outcome, _ = await run(query(ask=Ask(passages_max=1)))
    assert chunks(outcome) == ["right"]


async def test_passages_are_fitted_to_the_token_budget():
    outcome, _ = await run(query(), budget_tokens=650)
    assert chunks(outcome) == ["right", "alike"]


async def test_what_stands_beside_a_small_passage_follows_what_was_found_as_far_as_it_fits():
    window = {"tokens": 301, "passages": 3}
    outcome, asked = await run(query(), window=window, budget_tokens=1_300)
    assert chunks(outcome) == ["right", "alike", "other", "after"]
    assert [passage.score for passage in outcome.passages][-1] == 0
    [request] = of(FetchAdjacent, asked)
    assert request.chunks == ("right", "alike", "other")
    outcome, _ = await run(query(), window=window)
    assert chunks(outcome) == ["right", "alike", "other", "after", "before"]


async def test_of_small_passages_the_best_are_asked_for_and_of_large_ones_none():
    _, asked = await run(query(), window={"tokens": 301, "passages": 2})
    assert [request.chunks for request in of(FetchAdjacent, asked)] == [("right", "alike")]
    for changes in ({"window": {"tokens": 300, "passages": 2}}, {"window": None}):
        outcome, asked = await run(query(), **changes)
        assert of(FetchAdjacent, asked) == []
        assert chunks(outcome) == ["right", "alike", "other"]


async def test_a_search_shows_no_neighbours_and_an_index_that_is_away_takes_nothing():
    window = {"tokens": 301, "passages": 3}
    search, asked = await run(query(ask=Ask(mode="search", passages_max=10)), window=window)
    assert of(FetchAdjacent, asked) == []
    assert "after" not in chunks(search)
    for error in (Transient("away"), Permanent("broken")):
        outcome, _ = await run(query(), {FetchAdjacent: failing(error)}, window=window)
        assert chunks(outcome) == ["right", "alike", "other"]


@pytest.mark.parametrize("change", [{"version": 2}, {"document": "another"}])
async def test_a_neighbour_of_another_version_or_document_is_not_shown(change):
    def other(request):
        return Fetched(passages=tuple(replace(one, **change) for one in beside(request).passages))

    outcome, _ = await run(query(), {FetchAdjacent: other}, window={"tokens": 301, "passages": 3})
    assert chunks(outcome) == ["right", "alike", "other"]


async def test_neighbours_are_of_the_position_that_was_asked_for():
    _, asked = await run(query(ask=Ask(as_of=7)), window={"tokens": 301, "passages": 1})
    assert [request.as_of for request in of(FetchAdjacent, asked)] == [7]


async def test_what_nothing_answers_is_empty_but_a_search_still_shows_it():
    far = {Rerank: lambda r: Reranked(scores=tuple(0.3 for _ in r.chunks))}
    outcome, _ = await run(query(), far)
    assert (outcome.outcome, outcome.passages) == ("empty", ())
    assert outcome.relevance < CONFIGURATION["relevance"]["threshold"]
    outcome, _ = await run(query(ask=Ask(mode="search")), far)
    assert outcome.outcome == "retrieved"


HANDBOOK = """The foreman is <PERSON_1>. A torque wrench may be borrowed against a deposit of 15 euros.
The compressor stays in the workshop and is never lent out."""
SEALED = Sealed(key="value/x", event="e", field="f", ciphertext=b"")


def holding(text, entries=()):
    """Answers of an index that finds one unlike chunk with this text."""

    def fetched(request):
        [passage] = fetch(request).passages
        return Fetched(passages=(replace(passage, text=text, entries=entries),))

    return {
        Search: lambda r: found(r, {"right": INDEX["right"]}),
        Rerank: lambda r: Reranked(scores=(0.45,)),
        Fetch: fetched,
    }


@pytest.mark.parametrize(
    ("question", "outcome"),
    [
        ("Is the compressor lent out?", "retrieved"),
        ("What is the deposit?", "retrieved"),
        ("Who is the foreman?", "retrieved"),
        ("Which moons orbit Jupiter in the outer solar system?", "empty"),
        ("Which planets have rings made of ice?", "empty"),
    ],
)
async def test_a_short_question_is_answered_by_a_chunk_on_several_things(question, outcome):
    result, _ = await run(query(query=question), holding(HANDBOOK))
    assert result.outcome == outcome


@pytest.mark.parametrize(("digest", "outcome"), [("aa", "retrieved"), ("bb", "empty")])
async def test_a_value_is_found_by_what_it_is_and_not_by_its_placeholder(digest, outcome):
    asked = MapEntry(placeholder="<PERSON_1>", kind="PERSON", digest="aa", value=SEALED)
    told = replace(asked, placeholder="<PERSON_7>", digest=digest)
    answers = holding("It is kept by <PERSON_7>.", (told,))
    result, _ = await run(query(query="What about <PERSON_1>?", entries=(asked,)), answers)
    assert result.outcome == outcome


async def test_an_empty_index_gives_an_empty_result_at_its_position():
    outcome, asked = await run(query(), {Search: lambda r: found(r, {})})
    assert (outcome.outcome, outcome.position, outcome.relevance) == ("empty", 41, 0)
    assert of(Rerank, asked) == []


async def test_passages_that_were_retired_meanwhile_leave_an_empty_result():
    outcome, _ = await run(query(), {Fetch: lambda _: Fetched(passages=())})
    assert (outcome.outcome, outcome.relevance) == ("empty", 0)


async def test_a_refused_question_passes_through_without_effects():
    outcome, asked = await run(query(outcome="refused", reason="not that", query="", wordings=()))
    assert (outcome.outcome, outcome.reason, asked) == ("refused", "not that", [])


async def test_small_talk_is_passed_on_without_a_search():
    outcome, asked = await run(query(outcome="small_talk", reason="thanks", language="de"))
    assert (outcome.outcome, outcome.reason, asked) == ("small_talk", "thanks", [])
    assert (outcome.language, outcome.passages) == ("de", ())


async def test_the_language_goes_along():
    outcome, _ = await run(query(language="pt"))
    assert outcome.language == "pt"


async def test_the_search_carries_filters_groups_position_and_the_values_mentioned():
    entries = tuple(
        MapEntry(placeholder=f"<PERSON_{n}>", kind="PERSON", digest=digest, value=SEALED)
        for n, digest in enumerate(["bb", "aa", "bb"])
    )
    ask = Ask(filters={"year": "2024"}, groups=("hr",), as_of=17)
    outcome, asked = await run(query(entries=entries, ask=ask))
    [search] = of(Search, asked)
    assert (search.entities, search.filters) == (("aa", "bb"), {"year": "2024"})
    assert (search.groups, search.as_of, search.limit) == (("hr",), 17, 100)
    assert of(Fetch, asked)[0].as_of == 17
    assert outcome.entries == entries


async def test_each_wording_is_searched_and_a_chunk_keeps_its_best_scores():
    def by_text(request):
        return found(
            request, {k: INDEX[k] for k in (["right"] if request.text == "a" else ["other"])}
        )

    outcome, asked = await run(query(wordings=("a", "b")), {Search: by_text})
    assert [search.text for search in of(Search, asked)] == ["a", "b"]
    assert set(chunks(outcome)) == {"right", "other"}


async def test_a_wording_that_finds_a_chunk_less_well_takes_nothing_from_it():
    def by_text(request):
        dense = 0.9 if request.text == "a" else 0.1
        return found(request, {"right": (9.0, dense, 0.8, 300)})

    answers = {Search: by_text, Rerank: failing(Transient("away"))}
    for wordings in (("a", "b"), ("b", "a")):
        outcome, _ = await run(query(wordings=wordings), answers)
        assert chunks(outcome) == ["right"]


async def test_a_late_request_skips_the_reranking_and_says_so():
    deadline = NOW_US + CONFIGURATION["reserve_ms"] * 1000
    outcome, asked = await run(query(ask=Ask(deadline=deadline - 1)))
    assert (of(Rerank, asked), outcome.degraded) == ([], ("rerank",))
    assert chunks(outcome)[0] == "right"
    outcome, asked = await run(query(ask=Ask(deadline=deadline)))
    assert (len(of(Rerank, asked)), outcome.degraded) == (1, ())


@pytest.mark.parametrize("error", [Transient("away"), Permanent("no such form")])
async def test_a_reranking_that_fails_is_left_out(error):
    outcome, _ = await run(query(degraded=("rewrite",)), {Rerank: failing(error)})
    assert outcome.degraded == ("rewrite", "rerank")
    assert chunks(outcome)[0] == "right"


async def test_chunks_of_another_model_do_not_stop_the_others_from_being_reranked():
    def partly(request):
        answer = rerank(request)
        scores = [
            -1.0 if c == "alike" else s for c, s in zip(request.chunks, answer.scores, strict=True)
        ]
        return Reranked(scores=tuple(scores), similarities=answer.similarities)

    outcome, _ = await run(query(ask=Ask(mode="search")), {Rerank: partly})
    assert outcome.degraded == ()
    assert chunks(outcome) == ["right", "other", "alike", "noise"]


async def test_an_index_without_token_vectors_is_ranked_by_words_and_vectors():
    none = {Rerank: lambda r: Reranked(scores=tuple(-1.0 for _ in r.chunks))}
    outcome, _ = await run(query(), none)
    assert outcome.degraded == ("rerank",)
    # "right" holds all that is asked
    assert outcome.relevance == relevance(0.80, 1, CONFIGURATION["relevance"]["dense"])


async def test_an_index_that_is_away_is_for_the_runner_to_retry():
    with pytest.raises(Transient):
        await run(query(), {Search: failing(Transient("away"))})


PATIENCE_US = CONFIGURATION["patience_ms"] * 1_000
URGENT_US = CONFIGURATION["urgent_ms"] * 1_000
AWAY = failing(Transient("away"))


def without_an_embedder(waited_us):
    return {Embed: AWAY, Search: by_words, Now: lambda _: Instant(at=NOW_US + waited_us)}


def by_words(request):
    assert not request.vector
    index = {chunk: (row[0], 0.0) for chunk, row in INDEX.items() if row[0]}
    return found(request, index)


@pytest.mark.parametrize(
    ("waited_us", "left_us"), [(PATIENCE_US, None), (PATIENCE_US, URGENT_US), (0, URGENT_US - 1)]
)
async def test_without_an_embedder_words_alone_decide(waited_us, left_us):
    deadline = NOW_US + waited_us + left_us if left_us else 0
    event = query(ask=Ask(deadline=deadline), degraded=("rewrite",))
    outcome, asked = await run(event, without_an_embedder(waited_us))
    assert outcome.degraded == ("rewrite", "embed", "rerank")
    assert of(Rerank, asked) == []
    # "right" holds all that is asked; the order is that of the words
    assert chunks(outcome) == ["right", "alike", "other"]
    assert outcome.relevance == relevance(0.0, 1, CONFIGURATION["relevance"]["words"])
    assert outcome.outcome == "retrieved"


async def test_without_an_embedder_a_few_of_the_words_are_not_enough():
    event = query(query="What is right after wrong?", wordings=("What is right after wrong?",))
    outcome, _ = await run(event, without_an_embedder(PATIENCE_US))
    assert (outcome.outcome, outcome.degraded) == ("empty", ("embed", "rerank"))


@pytest.mark.parametrize("left_us", [None, URGENT_US])
async def test_an_embedder_that_is_away_is_waited_for_a_little(left_us):
    waited_us = PATIENCE_US - 1
    deadline = NOW_US + waited_us + left_us if left_us else 0
    with pytest.raises(Transient):
        await run(query(ask=Ask(deadline=deadline)), without_an_embedder(waited_us))


async def test_a_configuration_of_before_leaves_an_embedder_that_is_away_to_the_runner():
    old = {k: v for k, v in CONFIGURATION.items() if k not in {"patience_ms", "urgent_ms"}}
    event = query(ask=Ask(deadline=NOW_US + 1))
    fx = FakeEffects("retrieve", event, {**ANSWERS, Embed: AWAY}, old)
    with pytest.raises(Transient):
        await fx.execute()
    assert [type(request) for request in fx.asked] == [Embed]


async def test_more_filters_than_an_index_should_sift_are_refused_with_words_before_anything_is_asked():
    many = {f"key-{n}": "value" for n in range(300)}
    with pytest.raises(Permanent, match="300 filters, at most 256"):
        await run(query(ask=Ask(filters=many)), {})


NAMED = {"*": [["right", "correct way"]], "globex": [["right", "left"]]}


async def test_other_names_of_a_tenants_dictionary_are_searched_and_the_vector_stays():
    _, asked = await run(query(), dictionary=NAMED)
    [searched] = of(Search, asked)
    assert searched.text == "What is right? correct way"
    assert searched.vector == b"What is right?"
    _, asked = await run(query(), dictionary={"globex": NAMED["globex"]})
    assert [one.text for one in of(Search, asked)] == ["What is right?"]


async def test_a_passage_that_holds_another_name_holds_what_is_asked():
    answers = holding("The correct way is to ask the foreman.")
    question = query(query="Which is the right?")
    without, _ = await run(question, answers)
    assert (without.outcome, without.query) == ("empty", "Which is the right?")
    outcome, _ = await run(question, answers, dictionary=NAMED)
    assert (outcome.outcome, outcome.query) == ("retrieved", "Which is the correct way")
    assert (without.renamed, outcome.renamed) == ((), ("right",))
    other, _ = await run(question, holding("Which is the right?"), dictionary=NAMED)
    assert other.query == "Which is the right?"
