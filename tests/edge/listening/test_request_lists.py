"""Lists of requests, from the index and from what waits to be written there."""

import pytest

from edge.listening.catalogue import KnownRequests
from edge.listening.entries import Entry
from edge.listening.log_index import LogIndex
from edge.listening.request_lists import RequestLists
from schemas import Ask, QuestionAsked, Sealed
from tests.fakes import a_meta

SEALED = Sealed(key="user/u", event="e", field="text", ciphertext=b"x")


def asked(request, session, subject="u", tenant="acme", time_ms=1):
    event = QuestionAsked(
        meta=a_meta(tenant=tenant, session=session, request=request),
        text=SEALED,
        subject=subject,
        ask=Ask(),
    )
    return Entry(event, 0, 0, time_ms)


class Lists:
    def __init__(self, folder):
        self.index = LogIndex(folder)
        self.requests = KnownRequests(self.index)
        self.lists = RequestLists(self.index, self.requests)


@pytest.fixture
def known(tmp_path):
    made = Lists(tmp_path)
    yield made
    made.index.close()


def test_a_readers_sessions_come_newest_first_whether_written_or_not(known):
    known.requests.take(asked("r-1", "old", time_ms=1))
    known.requests.take(asked("r-2", "new", time_ms=2))
    known.index.flush({})
    known.requests.take(asked("r-3", "old", time_ms=3))
    known.requests.take(asked("r-4", "theirs", subject="v", time_ms=4))
    known.requests.take(asked("r-5", "theirs", tenant="other", time_ms=5))
    expected = [("old", 1, 3, 2), ("new", 2, 2, 1)]
    assert known.lists.sessions("acme", "u", 10) == expected
    known.index.flush({})
    assert known.lists.sessions("acme", "u", 10) == expected


def test_sessions_come_in_pages(known):
    for n in range(5):
        known.requests.take(asked(f"r-{n}", f"s-{n}", time_ms=n // 2))
    listed, after = [], None
    while page := known.lists.sessions("acme", "u", 2, after):
        listed += [one.session for one in page]
        after = page[-1].last_ms, page[-1].session
    assert listed == ["s-4", "s-2", "s-3", "s-0", "s-1"]


@pytest.mark.parametrize("is_written", [True, False])
def test_what_was_asked_in_a_session_comes_newest_first_and_no_more_than_wanted(known, is_written):
    for n in range(4):
        known.requests.take(asked(f"r-{n}", "s", time_ms=n))
    known.requests.take(asked("r-9", "s", subject="v"))
    if is_written:
        known.index.flush({})
    found = known.lists.of_session("acme", "u", "s", 3)
    assert [one.request for one in found] == ["r-3", "r-2", "r-1"]
    assert known.lists.of_document("acme", "s", 3) == []


def test_what_is_just_being_written_counts_once(known):
    known.requests.take(asked("r-1", "s", time_ms=1))
    known.index._write(known.requests.to_write(), {})  # committed, and not let go of yet
    assert known.requests.unwritten == 1
    assert known.lists.sessions("acme", "u", 10) == [("s", 1, 1, 1)]
    assert len(known.lists.of_session("acme", "u", "s", 10)) == 1


def test_a_session_is_one_s_own(known):
    known.requests.take(asked("r-1", "s", time_ms=3))
    known.requests.take(asked("r-2", "s", time_ms=5))
    assert known.lists.session("acme", "u", "s") == ("s", 3, 5, 2)
    assert known.lists.session("acme", "v", "s") is None
    assert known.lists.session("other", "u", "s") is None
