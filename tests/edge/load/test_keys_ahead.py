"""Keys of questions that were read ahead of the index, and what is counted by them."""

from __future__ import annotations

from contextlib import ExitStack, closing

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.listening.log_index import LogIndex
from edge.listening.log_reader import FRONT_MS
from edge.load.counted_use import OVER_MS, CountedUse
from edge.load.keys_ahead import KeysAhead
from tests.edge.load.test_counted_use import NOW_MS, answered, asked, embedded, submitted
from tests.folders_in_memory import a_folder

KEYS = ("key-1", "key-2")


def ahead(kept=9, *, knows_all=False):
    return KeysAhead(lambda: knows_all, kept)


def test_the_first_record_of_a_question_tells_its_key():
    keys = ahead()
    for key in KEYS:
        keys.take(asked(1, key=key))
    keys.take(submitted(2))
    assert keys.find(asked(1).whose) == "key-1"
    assert keys.find(submitted(2).whose) is None


def test_so_many_are_kept_and_the_oldest_go():
    keys = ahead(kept=2)
    for number in range(3):
        keys.take(asked(number))
    assert [keys.find(asked(n).whose) for n in range(3)] == [None, "key-1", "key-1"]


def test_none_is_kept_once_all_is_known():
    known = [False]
    keys = KeysAhead(lambda: known[0])
    keys.take(asked(1))
    known[0] = True
    keys.take(asked(2))
    assert [keys.find(asked(n).whose) for n in (1, 2)] == [None, None]


def test_the_front_begins_before_all_that_counts():
    assert FRONT_MS > OVER_MS


ENTRIES = st.lists(
    st.tuples(
        st.sampled_from((asked, submitted, embedded)),
        st.sampled_from(KEYS),
        st.integers(0, 2 * FRONT_MS),
        st.integers(0, 30_000),
    ),
    max_size=12,
)


def on_a_log(drawn):
    """What was drawn in the order of its time, each question with an answer some seconds later."""
    entries = []
    for number, (make, key, age_ms, took_ms) in enumerate(drawn):
        at_ms = NOW_MS - age_ms
        entries.append(make(number, key=key, at_ms=at_ms))
        if make is asked:
            entries.append(answered(number, at_ms=min(NOW_MS, at_ms + took_ms)))
    return sorted(entries, key=lambda entry: entry.time_ms)


@settings(max_examples=60, deadline=None)
@given(ENTRIES)
def test_from_the_front_alone_as_much_is_counted_as_from_all(drawn):
    entries = on_a_log(drawn)
    since_ms = NOW_MS - FRONT_MS - 30_000
    with a_folder() as folder, ExitStack() as held:
        counts = []
        for taken in (entries, [one for one in entries if one.time_ms >= since_ms]):
            index = held.enter_context(closing(LogIndex(folder)))
            keys = ahead(99)
            use = CountedUse(index, keys.find, lambda: NOW_MS, lambda: NOW_MS / 1_000)
            for entry in taken:
                keys.take(entry)
                use.take(entry)
            whose = [("acme", key) for key in ("", *KEYS)]
            measures = ("questions", "tokens", "documents")
            counts.append([use.used(who, measure) for who in whose for measure in measures])
    assert counts[0] == counts[1]
