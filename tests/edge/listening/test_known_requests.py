"""What the edge remembers of requests."""

from __future__ import annotations

import pytest

from edge.listening.entries import Entry
from edge.listening.known_requests import KnownRequests
from schemas import Ask, QuestionAsked
from tests.edge.listening.test_known_documents import SEALED, an_index, submitted
from tests.fakes import a_meta


@pytest.fixture
def index():
    with an_index() as index:
        yield index


def a_question(request="r-1", tenant="acme", session="s-1"):
    meta = a_meta(request=request, tenant=tenant, session=session)
    return QuestionAsked(meta=meta, subject="jane", text=SEALED, ask=Ask(deadline=5))


def test_a_request_is_found_by_its_tenant_and_the_first_record_of_it_counts(index):
    requests = KnownRequests(index)
    requests.take(Entry(a_question(tenant="globex"), 0, 0, 66))
    requests.take(Entry(a_question(), 0, 1, 77))
    requests.take(Entry(a_question(), 0, 2, 88))
    assert requests.find(("acme", "r-1")).time_ms == 77
    assert requests.find(("globex", "r-1")).time_ms == 66
    assert requests.find(("another", "r-1")) is None


@pytest.mark.parametrize("written", ["not", "half", "all"])
def test_newest_requests_are_one_s_own_once_each_and_no_more_than_wanted(index, written):
    known = KnownRequests(index)
    for at in range(4):
        known.take(Entry(a_question(f"q-{at}"), 0, at, at))
        known.take(Entry(submitted(f"d-{at}", at), 0, at, at))
    known.take(Entry(a_question("q-9", session="s-2"), 0, 9, 9))
    known.take(Entry(a_question("q-8", tenant="globex"), 0, 9, 9))
    if written == "half":  # in the file, and not let go of yet
        index._write(known.to_write(), {})
    elif written == "all":
        index.flush({})

    def names(found):
        return [one.request for one in found]

    assert names(known.newest("acme", "jane", 3)) == ["q-9", "q-3", "q-2"]
    assert names(known.newest("acme", "jane", 9, "s-1")) == ["q-3", "q-2", "q-1", "q-0"]
    assert names(known.newest("acme", "joe", 9)) == []
    assert names(known.about("acme", "d-1", 3)) == ["d-3", "d-2", "d-1"]
    assert names(known.about("acme", "s-1", 3)) == names(known.about("globex", "d-1", 3)) == []
