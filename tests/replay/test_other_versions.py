"""Other versions than those that wrote a record: what is equal is equal, what differs is unverifiable, by name."""

import dataclasses
import hmac
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from agents.errors import Permanent
from replay.log import Stored
from replay.other_versions import doubted, told_versions, version_in_0_1_0, versions_differ
from replay.recorded import (
    Contradiction,
    Divergence,
    RecordedRun,
    Unverifiable,
    heed_nothing,
)
from replay.rerun import Reruns
from replay.rules import Attempt, StoredOutcome
from schemas import (
    Batch,
    Begun,
    Block,
    ChunksCut,
    CountTokens,
    Digest,
    Digested,
    DocumentRef,
    Event,
    Generate,
    Manifest,
    Parse,
    Parsed,
    QuestionRedacted,
    TokenCounts,
)
from schemas.released_definitions import encode_as_released
from streams.log.codec import Codec
from streams.version import CODE
from tests.fakes import DIGEST_KEY, a_codec
from tests.replay.little_log import (
    ASKED,
    CONFIGURATION,
    REDACTED,
    STEP,
    asked,
    digest,
    fake_run,
    little,
)

OLD, NEW = "python 3.11.7, unicode 14.0.0, regex 1", "python 3.12.1, unicode 15.0.0, regex 1"
DIFFERS = "python was 3.11.7 and is 3.12.1 here, unicode was 14.0.0 and is 15.0.0 here"
BEGUN = Begun(at=1, attempt=1, code=CODE, configuration="c", trace="", runtime=OLD)
CODEC: Codec = a_codec()


@pytest.mark.parametrize(
    ("begun", "here", "differs"),
    [
        (BEGUN, OLD, ""),
        (BEGUN, NEW, DIFFERS),
        (BEGUN, f"{OLD}, another 2", ""),
        (BEGUN, "python 3.11.70, unicode 14.0.0, regex 1", "python was 3.11.7 and is 3.11.70 here"),
        (BEGUN, "python 3.11.7, unicode 14.0.0", "regex was 1 and is none here"),
        (replace(BEGUN, runtime=""), NEW, ""),
        (replace(BEGUN, code="9.0.0"), OLD, f"the code was 9.0.0 and is {CODE} here"),
        (replace(BEGUN, code="0.0.9"), OLD, f"the code was 0.0.9 and is {CODE} here"),
        (replace(BEGUN, code="of mine"), OLD, ""),
        (
            replace(BEGUN, runtime="", code="0.1.0"),
            "python 3.11.9, unicode 14.0.0, regex 2026.11.15",
            "",
        ),
        (
            replace(BEGUN, runtime="", code="0.1.0"),
            "python 3.12.0, unicode 14.0.0, regex 2026.11.15",
            "python was 3.11 and is 3.12.0 here",
        ),
        (
            replace(BEGUN, runtime="", code="0.1.0"),
            "python 3.11.9, unicode 14.0.0, regex 2027.1.1",
            "regex was 2026.11.15 and is 2027.1.1 here",
        ),
    ],
)
def test_versions_that_are_others_here_are_named(begun, here, differs):
    assert versions_differ(begun, here) == differs


# ---------------------------------------------------------------------- what the step itself computes


async def shouting(event, fx):
    """Another rule of the step than the one that the log was written by."""
    async for outcome in little(event, fx):
        yield replace(outcome, text=outcome.text.upper())


async def other_end(event, fx):
    async for outcome in little(event, fx):
        yield replace(outcome, text="other") if len(outcome.text) > 3 else outcome


async def asking_more(event, fx):
    async for outcome in little(event, fx):
        yield outcome
    await fx(Parse(media_type="", content=b""))


async def breaking(event, fx):
    yield [one async for one in little(event, fx)][:1][0]
    raise ValueError


async def too_few(event, fx):
    outcomes = [one async for one in little(event, fx)]
    for outcome in outcomes[:-1]:
        yield outcome


async def too_many(event, fx):
    async for outcome in little(event, fx):
        yield outcome
    yield outcome


async def rerun_of(function, here, runtime=OLD, closed=True, heed=heed_nothing):
    run = fake_run(asked(0), 0)
    run.runtime = runtime
    await run.execute()
    outcomes = [
        StoredOutcome(Stored(REDACTED, 0, at, 0, b"acme", CODEC.encode(event), ()), event)
        for at, event in enumerate(run.outcomes)
    ][: None if closed else 1]
    reruns = Reruns(
        CODEC,
        {Digest: digest},
        lambda _: DIGEST_KEY,
        lambda _: CONFIGURATION.values,
        runtime=here,
    )
    step = dataclasses.replace(STEP, function=function)
    stored = Stored(ASKED, 0, 0, 0, b"acme", CODEC.encode(asked(0)), ())
    attempt = Attempt(outcomes, superseded=False)
    return await reruns.rerun(step, run.input, stored, attempt, heed=heed), outcomes


async def test_what_is_equal_under_other_versions_is_equal():
    rerun, outcomes = await rerun_of(little, NEW)
    assert (len(rerun.computed), rerun.lack, rerun.reason) == (len(outcomes), "", "")


@pytest.mark.parametrize(
    ("function", "equal", "says"),
    [
        (shouting, 0, "text: the log holds 'one', the step yields 'ONE'"),
        (other_end, 2, "the step yields 'other'"),
        (asking_more, 2, "meta.last: the log holds True"),
        (breaking, 0, "now gives up: ValueError"),
        (too_few, 0, ""),
        (too_many, 2, ""),
    ],
)
async def test_what_differs_under_other_versions_is_unverifiable_from_there(function, equal, says):
    rerun, _ = await rerun_of(function, NEW)
    assert says in rerun.lack
    assert rerun.lack.endswith(f"; {DIFFERS}")
    assert rerun.reason == ""
    assert len(rerun.computed) == equal
    same, _ = await rerun_of(function, OLD)
    assert same.lack == ""


async def test_an_attempt_that_was_cut_off_is_held_against_what_there_is_of_it():
    rerun, _ = await rerun_of(little, NEW, closed=False)
    assert rerun.lack == ""
    rerun, _ = await rerun_of(shouting, NEW, closed=False)
    assert rerun.lack.endswith(DIFFERS)


def denied(request, _response):
    if isinstance(request, Generate):
        raise Contradiction("another record says otherwise")


@pytest.mark.parametrize("function", [little, shouting])
@pytest.mark.parametrize("here", [OLD, NEW])
async def test_what_another_record_denies_is_a_difference_under_whatever_versions(function, here):
    rerun, _ = await rerun_of(function, here, heed=denied)
    assert (rerun.reason, rerun.lack) == ("another record says otherwise", "")


async def test_what_is_denied_late_is_said_of_what_was_not_equal_before():
    def denied_at_the_end(_request, response):
        if getattr(response, "last", False):
            raise Contradiction("denied")

    rerun, _ = await rerun_of(shouting, NEW, heed=denied_at_the_end)
    assert (rerun.computed, rerun.reason, rerun.lack) == ([], "denied", "")
    rerun, _ = await rerun_of(little, NEW, heed=denied_at_the_end)
    assert (len(rerun.computed), rerun.reason) == (1, "denied")


# ---------------------------------------------------------------------- what local effects answer


PARSED = Parsed(blocks=(Block(kind="paragraph", text="x"),), parser="plain", parser_version="2")
COUNTS = TokenCounts(counts=(1,), version="tokenizers 9, tokenizer.json aa")
PARSE, COUNT = Parse(media_type="text/plain", content=b"x"), CountTokens(texts=("x",))


async def local(request, then, now, *, code=CODE, edit=lambda effect: effect, told=()):
    """Answer a local request again as `now` that was answered as `then`; return what the step sees."""
    seen = []

    async def asking(event, fx):
        seen.append(await fx(request))
        yield QuestionRedacted(outcome="redacted", subject="u", text="", ask=event.ask)

    async def handler(_request, _call):
        if isinstance(now, Exception):
            raise now
        return now

    step = dataclasses.replace(STEP, function=asking)
    run = fake_run(asked(0), 0, {type(request): lambda _: then})
    run.step, run.code = step, code
    await run.execute()
    effects = [edit(effect) for outcome in run.outcomes for effect in outcome.meta.effects]
    again = RecordedRun(
        step, run.input, seen.append, effects=effects, closed=True, codec=CODEC,
        digest_key=lambda: DIGEST_KEY, local={type(request): handler},
        configuration=lambda _: {}, told=dict(told),
    )  # fmt: skip
    seen.clear()
    await again.execute()
    return seen[0]


def in_form_1(response):
    """What makes an effect one of 0.1.0, which knew no version of tokens."""
    body = (
        encode_as_released(response, "0.1.0") if isinstance(response, Parsed) else b"\x02\x02\x00"
    )
    form_1 = hmac.digest(DIGEST_KEY, body, "sha256")
    return lambda e: replace(e, digest=form_1, version="") if e.digest else e


@pytest.mark.parametrize(
    ("request_", "then", "now"),
    [
        (PARSE, PARSED, replace(PARSED, parser_version="3")),
        (COUNT, COUNTS, replace(COUNTS, version="tokenizers 10")),
    ],
)
async def test_the_same_response_of_other_versions_is_equal_and_told_as_of_then(
    request_, then, now
):
    assert await local(request_, then, now) == then
    assert await local(request_, then, then) == then


async def test_another_response_of_other_versions_is_unverifiable_and_names_both():
    now = replace(PARSED, title="t", parser_version="3")
    with pytest.raises(Unverifiable, match=r"\(Parse\) gives another .* by 2, here by 3"):
        await local(PARSE, PARSED, now)
    with pytest.raises(Unverifiable, match=r"by tokenizers 9, tokenizer\.json aa, here by other"):
        await local(COUNT, COUNTS, TokenCounts(counts=(2,), version="other"))


async def test_another_response_of_the_same_versions_is_a_difference():
    with pytest.raises(Divergence, match="gives another response"):
        await local(PARSE, PARSED, replace(PARSED, title="t"))
    with pytest.raises(Divergence, match="gives another response"):
        await local(COUNT, COUNTS, replace(COUNTS, counts=(2,)))


async def test_a_reader_that_breaks_over_what_was_read_shows_nothing():
    with pytest.raises(Unverifiable, match="was answered, now: Permanent: broke"):
        await local(PARSE, PARSED, Permanent("broke"))


async def test_a_library_that_lost_a_name_says_nothing_and_the_one_of_then_is_named():
    with pytest.raises(Unverifiable, match="AttributeError; it was given by tokenizers 9,"):
        await local(COUNT, COUNTS, AttributeError("type object has no attribute 'from_buffer'"))


@pytest.mark.parametrize("told", [{"plain": "2"}, {}], ids=["by its manifest", "nowhere"])
async def test_a_response_of_0_1_0_is_known_whatever_reads_it_here(told):
    newer = replace(PARSED, parser_version="3")
    seen = await local(PARSE, PARSED, newer, code="0.1.0", edit=in_form_1(PARSED), told=told)
    assert seen == PARSED


async def test_a_reader_that_a_manifest_of_0_1_0_names_comes_before_the_one_it_was_locked_to():
    other = replace(PARSED, parser_version="2.own")
    seen = await local(
        PARSE, other, PARSED, code="0.1.0", edit=in_form_1(other), told={"plain": "2.own"}
    )
    assert seen == other


async def test_another_response_than_that_to_0_1_0_is_unverifiable_or_a_difference():
    edit, other = in_form_1(PARSED), replace(PARSED, title="t")
    with pytest.raises(Unverifiable, match="by 2, here by 3"):
        await local(PARSE, PARSED, replace(other, parser_version="3"), code="0.1.0", edit=edit)
    with pytest.raises(Divergence, match="gives another response"):
        await local(PARSE, PARSED, other, code="0.1.0", edit=edit)


async def test_token_counts_of_0_1_0_tell_no_versions():
    counts, edit = TokenCounts(counts=(1,)), in_form_1(COUNTS)
    seen = await local(COUNT, counts, COUNTS, code="0.1.0", edit=edit)
    assert seen.counts == (1,)
    with pytest.raises(Unverifiable, match=r"by tokenizers 0\.23\.3, tokenizer\.json d241"):
        await local(COUNT, counts, replace(COUNTS, counts=(2,)), code="0.1.0", edit=edit)


class Left(NamedTuple):
    """An outcome, as far as its manifest is looked at."""

    event: Event


def test_the_versions_of_readers_are_those_of_the_manifests():
    manifest = Manifest(
        checksum="", parser="lxml", parser_version="9", policy="", chunks=(), kept=(), retired=()
    )
    cut = ChunksCut(
        document=DocumentRef(document="d", version=1, uri=""),
        batch=Batch(number=0, last=True),
        outcome="cut",
        manifest=manifest,
    )
    told = told_versions(map(Left, (cut, replace(cut, manifest=None), asked(0))))
    assert told == {"lxml": "9"}
    assert version_in_0_1_0(replace(PARSED, parser="lxml"), told) == "9"
    assert version_in_0_1_0(replace(PARSED, parser=""), {}) == ""
    assert version_in_0_1_0(Digested(digests=()), {}) == ""


async def test_where_the_run_went_on_the_last_record_is_doubted_though_it_is_equal_by_itself():
    same, outcomes = await rerun_of(little, OLD)
    longer = dataclasses.replace(same, computed=[*same.computed, same.computed[-1]])
    rerun = doubted(longer, outcomes, closed=True, differs=DIFFERS, codec=CODEC)
    assert list(rerun.computed) == list(same.computed[:2])
    assert rerun.lack == f"the step yields 4 records, the log holds 3; {DIFFERS}"
