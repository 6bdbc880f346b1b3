"""What was used, counted from the log: by several gateways, after a start, once for each record."""

from __future__ import annotations

import random
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.listening.entries import Entry
from edge.listening.log_index import LogIndex
from edge.load.counted_use import EARLY_ANSWERS_KEPT, KEYS_MAX, OVER_MS, CountedUse
from edge.load.sliding_window import SLOT_MS, WINDOW_MS
from schemas import AnswerReleased, Ask, DocumentSubmitted, QuestionAsked, Sealed, TextsEmbedded
from tests.edge.fake_log import Answers
from tests.fakes import a_meta

NOW_MS = 1_700_000_000_000
SEALED = Sealed(key="k", event="e", field="f", ciphertext=b"x" * 20)
ALL, KEY = ("acme", ""), ("acme", "key-1")


class WallClock:
    """The time in milliseconds, which goes when it is told to."""

    def __init__(self):
        self.ms = NOW_MS

    def __call__(self):
        return self.ms

    def seconds(self):
        return self.ms / 1_000


def asked(number=0, tenant="acme", key="key-1", at_ms=NOW_MS, lane=0):
    meta = a_meta(request=f"r-{number}", tenant=tenant, lane=lane)
    event = QuestionAsked(meta=meta, subject="s", text=SEALED, ask=Ask(), key=key)
    return Entry(event, lane, number, at_ms)


def answered(number=0, tenant="acme", at_ms=NOW_MS, lane=0):
    """An answer of ten tokens."""
    event = Answers(asked(number, tenant, lane=lane).event).released("x", number)
    return Entry(event, lane, number, at_ms)


def submitted(number=0, tenant="acme", key="key-1", at_ms=NOW_MS):
    meta = a_meta(request=f"r-{number}", tenant=tenant)
    event = DocumentSubmitted(
        meta=meta, document="d", uri="u", media_type="text/plain", content=SEALED, key=key
    )
    return Entry(event, 0, number, at_ms)


def embedded(number=0, tokens=30, tenant="acme", key="key-1", at_ms=NOW_MS):
    meta = a_meta(request=f"e-{number}", tenant=tenant)
    return Entry(TextsEmbedded(meta=meta, key=key, texts=2, tokens=tokens), 0, number, at_ms)


class Counting:
    """What one gateway counts, in an index of its own."""

    def __init__(self, folder, clock=None):
        self.clock, self.keys = clock or WallClock(), {}
        self.index = LogIndex(folder)
        self.use = CountedUse(self.index, self.keys.get, self.clock, self.clock.seconds)

    def take(self, *entries):
        for entry in entries:
            if isinstance(entry.event, QuestionAsked):
                self.keys[entry.whose] = entry.event.key
            self.use.take(entry)

    def used(self, measure="questions"):
        return self.use.used(ALL, measure), self.use.used(KEY, measure)

    def close(self):
        self.index.close()


@pytest.fixture
def counting(tmp_path):
    with closing(Counting(tmp_path)) as counting:
        yield counting


def test_it_counts_for_the_tenant_and_for_the_key_and_for_nobody_else(counting):
    counting.take(asked(0), asked(1, key="key-2"), asked(2, key=""), asked(3, tenant="globex"))
    counting.take(submitted(0), answered(0), answered(1))
    assert counting.used() == (3, 1)
    assert counting.used("documents") == (1, 1)
    assert counting.used("tokens") == (20, 10)
    assert counting.use.used(("globex", ""), "questions") == 1
    assert counting.use.used(("globex", "key-1"), "questions") == 1  # a key is its tenant's
    assert counting.use.used(("globex", ""), "tokens") == 0


def test_the_key_of_a_producer_that_is_none_counts_for_the_tenant_alone(counting):
    counting.take(asked(0, key="x" * 10_000), asked(1, key=""))
    assert counting.used() == (2, 0)
    assert len(counting.use) == 1


def test_a_producer_that_names_keys_without_end_fills_nothing_but_its_own_share(counting):
    for number in range(KEYS_MAX + 99):
        counting.take(asked(number, key=f"made-up-{number}"))
    counting.take(asked(5_000, tenant="globex"))
    assert counting.used() == (KEYS_MAX + 99, 0)
    assert counting.use.used(("globex", "key-1"), "questions") == 1
    assert len(counting.use) == KEYS_MAX + 1 + 2
    counting.clock.ms += OVER_MS
    for number in range(KEYS_MAX):
        counting.take(asked(6_000 + number, tenant="globex", key="", at_ms=counting.clock.ms))
    counting.take(asked(20_000, at_ms=counting.clock.ms))
    assert counting.used() == (1, 1)
    assert counting.use._keys_of == {"acme": 1}


def test_a_minute_later_nothing_is_left_and_nothing_is_kept(counting):
    counting.take(*(asked(number, key=f"key-{number}") for number in range(50)))
    assert len(counting.use) == 51
    counting.clock.ms += OVER_MS
    assert counting.used() == (0, 0)
    for number in range(60):  # each lets go of what is over
        counting.take(asked(100 + number, tenant="globex", key="", at_ms=counting.clock.ms))
    assert len(counting.use) == 1


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_a_record_counts_once_however_often_its_lane_is_read_again(unit_path_factory, agains):
    entries = [asked(number, lane=0, at_ms=NOW_MS + number) for number in range(6)]
    with closing(Counting(unit_path_factory.mktemp("index"))) as counting:
        counting.clock.ms += 10
        for begin in (0, *agains):
            counting.take(*entries[begin:])
        assert counting.used() == (6, 6)


def test_a_lane_that_was_made_anew_counts_from_its_beginning(counting):
    counting.take(asked(7, at_ms=NOW_MS - 9))
    counting.take(asked(0, at_ms=NOW_MS))
    assert counting.used() == (2, 2)


def test_history_that_is_over_costs_no_look_up(counting):
    looked_up = []
    counting.use._key_of = looked_up.append
    for number in range(100):
        counting.take(asked(number, at_ms=NOW_MS - OVER_MS - 1))
        counting.take(answered(number, at_ms=NOW_MS - OVER_MS - 1))
    assert (looked_up, len(counting.use), counting.use.unwritten) == ([], 0, 0)


# ---------------------------------------------------------------------- answers and their questions


def test_an_answer_that_is_read_before_its_question_counts_for_its_key_once_that_comes(counting):
    counting.take(answered(0))
    assert counting.used("tokens") == (10, 0)
    counting.take(asked(0), asked(0))
    assert counting.used("tokens") == (10, 10)


def test_answers_whose_questions_never_come_are_no_heap(counting):
    for number in range(EARLY_ANSWERS_KEPT + 9):
        counting.take(answered(number))
    assert len(counting.use._early) == EARLY_ANSWERS_KEPT


# ---------------------------------------------------------------------- what is on its way


def test_what_was_taken_in_here_counts_at_once_and_once(counting):
    assert counting.use.begin(("acme", "r-0"), "key-1", "questions")
    assert not counting.use.begin(("acme", "r-0"), "key-1", "questions")
    assert counting.used() == (1, 1)
    counting.take(asked(0))
    assert counting.used() == (1, 1)
    counting.use.end(("acme", "r-0"))
    assert counting.used() == (1, 1)


def test_what_did_not_get_to_the_log_counts_no_longer(counting):
    counting.use.begin(("acme", "r-0"), "key-1", "questions")
    counting.use.end(("acme", "r-0"))
    assert counting.used() == (0, 0)
    assert not counting.use._pending_of


def test_what_nobody_heard_of_again_goes_with_the_window(counting):
    counting.use.begin(("acme", "r-0"), "key-1", "questions")
    counting.clock.ms += WINDOW_MS
    assert counting.used() == (1, 1)
    counting.clock.ms += SLOT_MS
    assert counting.used() == (0, 0)
    assert not counting.use._pending


@pytest.mark.parametrize(("most", "room_s"), [(3, 0.0), (2, 0.0), (1, 65.0), (0, 60.0)])
def test_room_comes_when_what_is_read_is_over_and_not_before_what_is_on_its_way(
    counting, most, room_s
):
    counting.take(asked(0))  # at the beginning of a slot
    counting.use.begin(("acme", "r-1"), "key-1", "questions")
    assert counting.use.room_in_s(ALL, "questions", most) == room_s


# ---------------------------------------------------------------------- after a start


def test_a_gateway_that_starts_knows_the_last_minute_by_its_index_alone(tmp_path):
    with closing(Counting(tmp_path)) as before:
        before.take(asked(0, at_ms=NOW_MS - 30_000), asked(1), answered(0), submitted(0))
        assert before.index.flush({})
        before.take(asked(2))  # is read again, for it was not written
        before.clock.ms += 20_000
    with closing(Counting(tmp_path, before.clock)) as after:
        after.keys = before.keys
        assert after.used() == (2, 2)
        after.take(asked(0, at_ms=NOW_MS - 30_000), asked(1), asked(2), answered(0), submitted(0))
        assert after.used() == (3, 3)
        assert (after.used("tokens"), after.used("documents")) == ((10, 10), (1, 1))
        after.clock.ms += 20_000  # the first is 70 s old
        assert after.used() == (2, 2)


def test_a_gateway_without_an_index_knows_it_from_the_log(tmp_path):
    log = [asked(number, at_ms=NOW_MS - 10_000 * number) for number in range(12)]
    log = [Entry(one.event, 0, at, one.time_ms) for at, one in enumerate(reversed(log))]
    (tmp_path / "a").mkdir()
    with closing(Counting(tmp_path / "a")) as counting:
        counting.take(*log)
        assert counting.used() == (7, 7)  # 0, 10, …, 60 s old
        counting.index.begin_anew()
        assert (counting.used(), counting.use.unwritten) == ((0, 0), 0)
        counting.take(*log)
        assert counting.used() == (7, 7)


def test_what_the_disk_refuses_is_written_later(tmp_path):
    with closing(Counting(tmp_path)) as before:
        before.take(asked(0))
        before.index._writer.execute("PRAGMA query_only = ON")
        assert not before.index.flush({})
        before.index._writer.execute("PRAGMA query_only = OFF")
        assert before.use.unwritten
        assert before.index.flush({})
        assert before.use.unwritten == 0
    with closing(Counting(tmp_path)) as after:
        assert after.used() == (1, 1)


def test_a_row_that_can_not_be_read_spoils_the_index_and_no_start(tmp_path):
    with closing(Counting(tmp_path)) as before:
        before.index._writer.execute("INSERT INTO used VALUES ('acme', '', x'ff')")
    with closing(Counting(tmp_path)) as after:
        assert after.index.spoilt
        assert after.used() == (0, 0)


def test_rows_of_those_who_are_over_go_from_the_file(tmp_path):
    with closing(Counting(tmp_path)) as counting:
        counting.take(*(asked(number, key=f"key-{number}") for number in range(20)))
        assert counting.index.flush({})
        counting.clock.ms += OVER_MS
        for number in range(30):
            counting.take(asked(50 + number, tenant="globex", key="", at_ms=counting.clock.ms))
        assert counting.index.flush({})
        assert [*counting.index.rows("SELECT tenant FROM used")] == [("globex",)]


# ---------------------------------------------------------------------- gateways beside each other


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_gateways_that_read_the_topics_in_any_order_count_the_same(unit_path_factory, seed):
    draw = random.Random(seed)
    by_topic = {kind: [] for kind in (asked, answered, submitted)}
    for number in range(draw.randrange(1, 12)):
        at_ms = NOW_MS + draw.randrange(WINDOW_MS)
        for kind, entries in by_topic.items():
            entries.append(kind(number, at_ms=at_ms))
    counted = set()
    for _ in range(3):
        waiting = [list(entries) for entries in by_topic.values()]
        with closing(Counting(unit_path_factory.mktemp("index"))) as gateway:
            gateway.clock.ms += WINDOW_MS
            while any(waiting):
                gateway.take(draw.choice([one for one in waiting if one]).pop(0))
            counted.add(
                tuple(gateway.used(measure) for measure in ("questions", "tokens", "documents"))
            )
    assert len(counted) == 1


def test_an_answer_without_tokens_counts_nothing(counting):
    event = answered(0).event
    assert isinstance(event, AnswerReleased)
    usage = type(event.answer.usage)(prompt_tokens=0, completion_tokens=0)
    answer = type(event.answer)(**{**_fields(event.answer), "usage": usage})
    counting.take(Entry(type(event)(**{**_fields(event), "answer": answer}), 0, 0, NOW_MS))
    assert counting.use.unwritten == 0


def _fields(record):
    return {name: getattr(record, name) for name in record.__struct_fields__}


# ---------------------------------------------------------------------- embeddings


def test_what_was_embedded_counts_as_a_request_and_as_its_tokens_once(counting):
    counting.take(embedded(0), embedded(1, key="key-2"), embedded(0))
    assert counting.used() == (2, 1)
    assert counting.used("tokens") == (60, 30)
    counting.clock.ms += OVER_MS
    assert (counting.used(), counting.used("tokens")) == ((0, 0), (0, 0))


def test_what_is_being_embedded_here_counts_at_once_and_no_more_when_it_is_read(counting):
    whose = embedded().whose
    assert counting.use.begin(whose, "key-1", "questions")
    counting.use.spend(whose, "tokens", 20)
    counting.use.spend(whose, "tokens", 10)
    assert (counting.used(), counting.used("tokens")) == ((1, 1), (30, 30))
    counting.take(embedded())
    assert (counting.used(), counting.used("tokens")) == ((1, 1), (30, 30))
    assert not counting.use._pending_of
    counting.use.spend(whose, "tokens", 10)  # it is on the log
    counting.use.spend(("acme", "never begun"), "tokens", 10)
    assert counting.used("tokens") == (30, 30)


def test_what_was_embedded_and_never_read_is_let_go_after_a_window(counting):
    counting.use.begin(embedded().whose, "key-1", "questions")
    counting.use.spend(embedded().whose, "tokens", 20)
    counting.clock.ms += OVER_MS
    assert (counting.used(), counting.used("tokens")) == ((0, 0), (0, 0))


def test_numbers_that_no_row_holds_are_kept_and_keep_nothing_else_from_the_index(tmp_path):
    """A producer may say any number: one that could not be written would stop the writing of all."""
    with closing(Counting(tmp_path)) as counting:
        counting.take(*(embedded(number, tokens=2**63 - 1) for number in range(4)), asked(9))
        counting.take(embedded(5, tokens=-(2**63)))
        assert counting.index.flush({})
    with closing(Counting(tmp_path)) as again:
        assert again.used("tokens")[0] >= 2**53
        assert again.used() == (6, 6)
