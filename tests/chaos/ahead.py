"""Order across the topics of one request, as a reader saw it who followed the log live.

An answer's text lies on one topic and its end on another, and no offset says which came first. A look does: it asked
for the end of the later topic first. So if the answer lay there and its text did not yet lie on its own topic, a reader
of both met the end before the text. A reader may wait for the text (`edge.answering`), but not for long: then the end
stands alone.
"""

import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence

from schemas import AnswerReleased, TokensReleased
from streams.topics import topic_of
from tests.chaos.judgement import Sample

STEP = "moderate"
TEXT, END = topic_of(TokensReleased), topic_of(AnswerReleased)


def ahead(
    ends: Mapping[str, int], texts: Mapping[str, int], samples: Sequence[Sample], lane: int
) -> Iterator[tuple[str, int]]:
    """Yield the requests whose end was seen before their last text, and at how many looks.

    `ends` and `texts` hold by request the offsets of the record that ends it and of the last that has text.
    """
    seen = [sample.ends[STEP].get((END, lane), 0) for sample in samples]
    text_seen = [sample.ends[STEP].get((TEXT, lane), 0) for sample in samples]
    for request, text_at in texts.items():
        if request not in ends:
            continue
        first = bisect.bisect_right(seen, ends[request])
        looks = bisect.bisect_right(text_seen, text_at, first) - first
        if looks > 0:
            yield request, looks


def last_of(rows: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return the highest offset of each request."""
    last: dict[str, int] = {}
    for request, offset in rows:
        last[request] = max(offset, last.get(request, -1))
    return last


def wrong_order(
    ends: Mapping[str, int], texts: Mapping[str, int], samples: Sequence[Sample], lane: int
) -> list[str]:
    """Say which answers ended for a live reader before their text was there."""
    return [
        f"the end of {request} ({END}[{lane}]@{ends[request]}) lay on the log before its text "
        f"({TEXT}[{lane}]@{texts[request]}), at {looks} looks"
        for request, looks in ahead(ends, texts, samples, lane)
    ]
