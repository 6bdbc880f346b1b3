import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.operations.reviews.review_queue import ReviewQueue
from streams.operations.reviews.review_sample import place_of
from tests.fakes import NOW_US
from tests.streams.operations.reviews.records import (
    ALL,
    CONFIGURED,
    NONE,
    a_judgement,
    a_release,
    a_retraction,
    shuffled,
)


def a_queue(*events):
    queue = ReviewQueue("acme", CONFIGURED.get)
    for event in events:
        queue.take(event)
    return queue


def waiting(queue, reviewer="one", after=-1):
    return [answer.request for answer in queue.waiting(reviewer, after)]


def test_what_was_drawn_waits_in_the_order_of_the_draw():
    requests = [f"r-{n}" for n in range(9)]
    queue = a_queue(*map(a_release, requests), a_release("r-none", digest=NONE))
    in_order = sorted(requests, key=lambda request: place_of(request, ALL))
    assert waiting(queue) == in_order
    assert waiting(queue, after=place_of(in_order[3], ALL)) == in_order[4:]


@pytest.mark.parametrize(
    "release",
    [
        a_release(tenant="globex"),
        a_release(digest="d" * 64),
        a_release(subject="one"),
        *(a_release(finish=finish) for finish in ("search", "small_talk", "cancelled")),
    ],
    ids=["another tenant's", "of no configuration", "one's own", "search", "small talk", "cut"],
)
def test_what_is_not_for_a_reviewer_never_waits(release):
    assert waiting(a_queue(release)) == []


@pytest.mark.parametrize("finish", ["stop", "extractive", "not_found", "refused", "length"])
def test_abstentions_and_refusals_are_judged_too(finish):
    assert waiting(a_queue(a_release(finish=finish))) == ["r-1"]


def test_two_judge_and_nobody_twice():
    queue = a_queue(a_release())
    queue.take(a_judgement(reviewer="one"))
    assert (waiting(queue, "one"), waiting(queue, "two")) == ([], ["r-1"])
    queue.take(a_judgement(reviewer="two", grade="wrong"))
    assert waiting(queue, "two") == waiting(queue, "three") == []
    assert queue.pairs() == [("right", "wrong")]


def test_what_was_undone_waits_again_and_counts_no_more():
    queue = a_queue(a_release(), a_judgement(reviewer="one"), a_judgement(reviewer="two"))
    queue.take(a_judgement(reviewer="one", grade="undone", number=1))
    assert (waiting(queue, "one"), waiting(queue, "two")) == (["r-1"], [])
    assert queue.pairs() == []
    queue.take(a_judgement(reviewer="one", grade="useless", number=2))
    assert queue.pairs() == [("useless", "right")]
    assert queue.judged_by("one", "r-1").records == 3


def test_the_first_record_with_an_id_wins():
    queue = a_queue(a_release(), a_judgement(grade="right"), a_judgement(grade="wrong"))
    assert queue.standing("r-1")["one"].grade == "right"
    assert queue.judged_by("one", "r-1").records == 1


@pytest.mark.parametrize("first", [a_release(), a_retraction()])
def test_what_was_retracted_waits_no_more_in_whatever_order_it_is_read(first):
    queue = a_queue(first, a_release(), a_retraction())
    assert waiting(queue) == []
    assert queue.find("r-1").is_retracted


def test_a_later_attempt_is_another_answer():
    queue = a_queue(a_release(), a_judgement(), a_retraction(), a_release(attempt=2))
    assert waiting(queue) == ["r-1"]
    assert queue.find("r-1").answer == "answer-r-1-2"
    queue.take(a_release())
    assert queue.find("r-1").attempt == 2


def test_a_judgement_of_who_asked_or_of_no_known_grade_is_none():
    queue = a_queue(
        a_release(), a_judgement(reviewer="asker"), a_judgement(reviewer="two", grade="splendid")
    )
    assert queue.standing("r-1") == {}
    assert waiting(queue, "two") == ["r-1"]


def test_a_configuration_that_can_t_be_used_draws_nothing():
    queue = ReviewQueue("acme", {ALL: {"review": {"share": "all"}}}.get)
    queue.take(a_release())
    assert waiting(queue) == []


def test_a_third_judgement_is_kept_and_makes_no_pair():
    judged = [
        a_judgement(reviewer=name, grade=grade)
        for name, grade in (("b", "right"), ("c", "partly"), ("a", "wrong"))
    ]
    queue = a_queue(a_release(), *judged)
    assert queue.pairs() == [("right", "partly")]
    [(_, told)] = queue.judged()
    assert [one.reviewer for one in told] == ["b", "c", "a"]


def test_a_pair_counts_once_neither_half_can_be_undone():
    queue = a_queue(
        a_release(),
        a_judgement(reviewer="two"),
        a_judgement(reviewer="one", grade="wrong", at=NOW_US + 9),
    )
    assert queue.pairs(NOW_US + 8) == []
    assert queue.pairs(NOW_US + 9) == [("wrong", "right")]


@given(st.integers(0, 2**32), st.integers(1, 6))
def test_the_order_in_which_topics_are_read_changes_nothing(seed, answers):
    draw = random.Random(seed)
    events = []
    for n in range(answers):
        request = f"r-{n}"
        events.append(a_release(request))
        for reviewer in ("one", "two"):
            for number in range(draw.randrange(4)):
                grade = "undone" if number % 2 else draw.choice(("right", "wrong"))
                events.append(a_judgement(request, reviewer, grade, number))
        if draw.random() < 0.3:
            events.append(a_retraction(request))
    straight, mixed = a_queue(*events), a_queue(*shuffled(draw.choice, events))
    for reviewer in ("one", "two", "three"):
        assert waiting(straight, reviewer) == waiting(mixed, reviewer)
    assert straight.pairs() == mixed.pairs()
