"""Requests, outcomes and holds, in whatever order they are read."""

import itertools

import pytest
from msgspec.structs import replace

from schemas import (
    Cause,
    ErasureRefused,
    ErasureRequested,
    HeldData,
    LegalHoldSet,
    PersonErased,
    StepVersion,
)
from streams.log.ids import outcome_id
from streams.operations.erasures.erasure_log import ErasureLog
from streams.operations.erasures.holdings import ErasedPerson
from streams.topics import topic_of
from tests.fakes import a_meta

OTHER = StepVersion(name="index", code="test", configuration="")
ERASING = StepVersion(name="erase", code="test", configuration="")


def asked(subject="s", request="r-1", **fields):
    return ErasureRequested(meta=a_meta(request=request), subject=subject, **fields)


def erased(of, *keys, number=0, last=True, **fields):
    meta = a_meta(
        request=of.meta.request,
        id=outcome_id(of.meta.id, "erase", number),
        ordinal=number,
        last=last,
        step=ERASING,
        cause=Cause(topic=topic_of(ErasureRequested), partition=0, offset=0, id=of.meta.id),
    )
    return PersonErased(meta=meta, subject=of.subject, keys=keys, **fields)


def refused(of):
    meta = a_meta(request=of.meta.request, id=outcome_id(of.meta.id, "erase", 0), step=ERASING)
    return ErasureRefused(meta=meta, subject=of.subject, reason="held")


def a_hold(subject="s", held=True, **fields):
    return LegalHoldSet(meta=a_meta(), subject=subject, held=held, **fields)


def told(*events):
    log = ErasureLog()
    for offset, event in enumerate(events):
        log.take(event, topic_of(event), 0, offset)
    return log


def test_a_request_is_open_until_its_last_part_is_told():
    request = asked()
    held = (HeldData(kind="questions", count=2, since=5),)
    first = erased(request, "user/s", last=False, held=held, documents=("d",))
    second = erased(request, "value/v", number=1)
    assert [one.state for one in told(request).pending()] == ["requested"]
    assert told(request, first).pending()
    for order in itertools.permutations([request, first, second]):
        if order.index(first) < order.index(second):
            log = told(*order)
            [done] = log.done()
            assert (done.keys, done.held, done.documents) == (
                ("user/s", "value/v"),
                held,
                ("d",),
            )
            assert not log.pending()


def test_copies_change_nothing():
    request = asked()
    one, other = erased(request, "user/s"), replace(asked(), reason="again")
    log = told(request, other, one, one)
    [done] = log.done()
    assert (done.asked, done.keys) == (request, ("user/s",))


def test_what_comes_after_the_end_changes_nothing():
    """Else whoever may write outcomes could have more keys destroyed, or say that none was."""
    request = asked()
    end = erased(request, "user/s")
    log = told(request, end, erased(request, "value/v", number=1), refused(request))
    assert [(one.state, one.keys) for one in log.of("acme", ["s"])] == [("erased", ("user/s",))]


def test_a_refused_request_is_not_open_and_not_done():
    request = asked()
    log = told(refused(request), request)
    assert not log.pending()
    assert not log.done()
    [one] = log.of("acme", ["s"])
    assert (one.state, one.refused.reason) == ("refused", "held")


@pytest.mark.parametrize(
    "forge",
    [
        lambda of: replace(erased(of, "user/s"), subject="other"),
        lambda of: erased(of, "user/s", "user/other"),
        lambda of: erased(of, "user/s", "digest"),
        lambda of: replace(erased(of, "user/s"), meta=replace(erased(of).meta, id="x")),
        lambda of: replace(erased(of, "user/s"), meta=replace(erased(of).meta, tenant="globex")),
        lambda of: replace(erased(of, "user/s"), meta=replace(erased(of).meta, step=OTHER)),
    ],
)
def test_what_is_no_outcome_of_a_request_ends_none(forge):
    request = asked()
    assert told(request, forge(request)).pending()


def test_the_last_word_on_a_hold_counts():
    person = ErasedPerson("acme", "s", frozenset({"v"}))
    assert told(a_hold(reason="case 1")).against(person) == "case 1"
    assert told(a_hold()).against(person) == "no reason was given"
    assert not told(a_hold(), a_hold(held=False)).against(person)
    assert not told(a_hold("other")).against(person)
    assert "case 2" in told(a_hold("other", values=("v",), reason="case 2")).against(person)
    held = told(a_hold("other", documents=("d",), reason="case 3"))
    assert "case 3" in held.against(ErasedPerson("acme", "s", documents=frozenset({"d", "e"})))
    assert not held.against(ErasedPerson("acme", "s", documents=frozenset({"e"})))
    assert not told(a_hold()).against(ErasedPerson("globex", "s"))
    assert [one.subject for one in told(a_hold("b"), a_hold("a")).holds("acme")] == ["a", "b"]


def test_a_person_is_found_by_all_their_digests_oldest_first():
    old, new = asked("s-1", "r-1"), asked("s-2", "r-2")
    new = replace(new, meta=replace(new.meta, at=old.meta.at + 1))
    log = told(new, old, asked("s-3", "r-3"))
    assert [one.asked.subject for one in log.of("acme", ["s-2", "s-1"])] == ["s-1", "s-2"]
    assert log.of("globex", ["s-1"]) == []


EARLY_MAX = 9


def test_outcomes_that_nobody_asks_for_are_kept_to_a_bound():
    requests = [asked(request=f"r-{number}") for number in range(12)]
    log = ErasureLog(EARLY_MAX)
    for one in requests[:EARLY_MAX]:
        log.take(erased(one), "", 0, 0)
    assert (log._early_count, len(log._early)) == (EARLY_MAX, EARLY_MAX)
    log.take(erased(requests[EARLY_MAX]), "", 0, 0)
    for one in requests[: EARLY_MAX + 1]:
        log.take(one, topic_of(one), 0, 0)
    # the first was forgotten, and is executed once more
    assert [one.asked.meta.request for one in log.pending()] == ["r-0"]
    assert (log._early_count, log._early) == (0, {})
    for number in range(2 * EARLY_MAX):
        log.take(erased(requests[11], number=number), "", 0, 0)
    assert log._early_count <= EARLY_MAX
