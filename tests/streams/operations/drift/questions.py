"""Questions and answers as they lie on the log."""

import numpy as np

from schemas import Ask, ChunksRetrieved, Effect, Embedded
from tests.fakes import NOW_US, a_codec, a_meta
from tests.streams.operations.reviews.records import a_release

CODEC = a_codec()


def a_vector(*numbers):
    return np.asarray(numbers, "<f4")


def retrieved(number=0, *, at=NOW_US, text="Is it due?", language="en", relevance=0.9, vector=(1, 0),
              tenant="acme", outcome="retrieved", ask=None):  # fmt: skip
    embedded = Embedded(vectors=(a_vector(*vector).tobytes(),), model="m", dimensions=len(vector))
    effect = Effect(
        number=1,
        kind="Embed",
        request=b"",
        response=CODEC.encode(embedded),
        started=at,
        took_us=1,
    )
    return ChunksRetrieved(
        meta=a_meta(
            tenant=tenant, request=f"r-{number}", id=f"retrieved-{number}", at=at, effects=(effect,)
        ),
        outcome=outcome,
        subject="u",
        question=text,
        query=text,
        relevance=relevance,
        ask=ask or Ask(),
        language=language,
    )


def released(number=0, *, at=NOW_US, finish="stop", support=1.0, tenant="acme"):
    from msgspec.structs import replace

    one = a_release(f"r-{number}", finish=finish, tenant=tenant)
    return replace(
        one,
        meta=replace(one.meta, at=at, id=f"released-{number}"),
        answer=replace(one.answer, support=support),
    )
