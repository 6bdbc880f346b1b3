"""What is kept of a lane for its cross checks is little."""

import gc
import types

import pytest

from replay.cross_checks.lane_checks import LaneChecks
from schemas import (
    Answer,
    AnswerReleased,
    Batch,
    ChunksEmbedded,
    DocumentRef,
    EmbeddedChunk,
    Numbered,
    Placeholders,
    Usage,
    Verdict,
)
from tests.fakes import a_meta

NOT_COUNTED = (
    type,
    types.ModuleType,
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
)


def objects_held(root):
    """Count the objects that are reached from one, but for what is made once."""
    seen, left = {id(root)}, [root]
    while left:
        for one in gc.get_referents(left.pop()):
            if id(one) not in seen and not isinstance(one, NOT_COUNTED):
                seen.add(id(one))
                left.append(one)
    return len(seen)


def an_answer(number):
    answer = Answer(text="", usage=Usage(), finish_reason="stop", question="", query=f"q{number}")
    return AnswerReleased(
        meta=a_meta(request=f"r{number}", session=f"s{number // 4}"),
        text=f"a{number}",
        answer=answer,
        verdict=Verdict(allowed=True),
        subject="u",
    )


def a_chunk(number):
    return ChunksEmbedded(
        meta=a_meta(session=f"d{number // 4}"),
        document=DocumentRef(document=f"d{number // 4}", version=1, uri="u"),
        batch=Batch(number=0, last=True),
        outcome="embedded",
        chunks=(EmbeddedChunk(id=f"c{number}", number=number, text="t", tokens=1, vector=b""),),
    )


def learnt(make, count):
    checks = LaneChecks(lambda: ())
    for number in range(count):
        checks.learn(make(number))
    return objects_held(checks)


def rows(count):
    checks = LaneChecks(lambda: ())
    state = Placeholders(entries=(Numbered(placeholder="<A_1>", kind="A", digest="d"),))
    for number in range(count):
        checks.placeholders.write(("acme", f"s{number}", "u"), state, f"e{number}", "".join("code"))
    return objects_held(checks)


N = 300


@pytest.mark.parametrize(
    ("held", "each"),
    [
        # a place and a form, for the asker and for all; forms are eight bytes where they are many
        (lambda count: learnt(an_answer, count), 5),
        (lambda count: learnt(a_chunk, count), 3.1),
        (rows, 4),
    ],
)
def test_of_each_record_hardly_more_than_numbers_stay(held, each):
    small, large = held(N), held(4 * N)
    assert large - small <= each * 3 * N
