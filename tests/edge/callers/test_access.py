"""What callers may know of and see."""

from __future__ import annotations

from contextlib import ExitStack, closing

import pytest

from agents.errors import KeyDestroyed, Transient
from edge.callers.access import Access
from edge.listening.entries import Entry
from edge.listening.known_documents import KnownDocuments
from edge.listening.known_requests import KnownRequests
from edge.listening.log_index import LogIndex
from edge.problems import Problem
from schemas import Ask, DocumentSubmitted, MapEntry, Passage, QuestionAsked, Sealed
from tests.edge.callers.test_caller import a_caller
from tests.fakes import a_meta
from tests.folders_in_memory import a_folder


class Keyring:
    """Opens what is not destroyed, for its tenant alone."""

    def __init__(self, *destroyed, error=KeyDestroyed):
        self.destroyed = destroyed
        self.error = error

    def unseal(self, tenant, sealed):
        if sealed.key in self.destroyed:
            raise self.error("gone")
        return f"{tenant}: {sealed.key}".encode()

    def subjects(self, tenant, subject):
        return (subject, f"{subject}'") if f"user/{subject}" in self.destroyed else (subject,)


def sealed(key):
    return Sealed(key=key, event="e", field="f", ciphertext=b"")


def an_entry(placeholder, kind="PERSON", key=None):
    return MapEntry(
        placeholder=placeholder, kind=kind, digest="d", value=sealed(key or placeholder)
    )


INDEXES = ExitStack()


@pytest.fixture(autouse=True)
def indexes():
    with INDEXES:
        yield


def access(*events, keyring=None, knows_all=True):
    folder = INDEXES.enter_context(a_folder())
    index = INDEXES.enter_context(closing(LogIndex(folder)))
    requests, documents = KnownRequests(index), KnownDocuments(index)
    for offset, event in enumerate(events):
        requests.take(Entry(event, 0, offset, 0))
        documents.take(Entry(event, 0, offset, 0))
    return Access(requests, documents, keyring or Keyring(), lambda: knows_all)


def a_question(subject="subject", tenant="acme"):
    meta = a_meta(tenant=tenant)
    return QuestionAsked(meta=meta, subject=subject, text=sealed("t"), ask=Ask())


def a_document(tenant="acme", **fields):
    return DocumentSubmitted(
        meta=a_meta(tenant=tenant, session="d-1", request="r-2"),
        document="d-1",
        uri="u",
        media_type="text/plain",
        content=sealed("c"),
        **fields,
    )


def is_unknown(call, *arguments):
    with pytest.raises(Problem) as refused:
        call(*arguments)
    assert refused.value.status == 404
    return refused.value.detail


def test_ones_own_question_is_known_and_others_do_not_exist():
    known = access(a_question()).question(a_caller(), "r-1")
    assert (known.request, known.subject) == ("r-1", "subject")
    unknown = is_unknown(access().request, a_caller(), "r-1")
    for event in (a_question("another"), a_question(tenant="globex")):
        assert is_unknown(access(event).request, a_caller(), "r-1") == unknown
        assert is_unknown(access(event).question, a_caller(), "r-1") == unknown


def test_what_was_ones_own_before_an_erasure_is_gone_and_others_do_not_exist():
    """Whoever comes back has another digest; an open connection still has the old one."""
    known = access(a_question(), keyring=Keyring("user/subject"))
    for caller in (a_caller(subject="subject'"), a_caller()):
        with pytest.raises(Problem) as refused:
            known.request(caller, "r-1")
        assert (refused.value.status, refused.value.slug) == (410, "erased")
    is_unknown(known.request, a_caller(subject="another"), "r-1")
    is_unknown(known.request, a_caller(tenant="globex", subject="subject'"), "r-1")


def test_a_request_is_told_until_its_asker_is_erased():
    [request] = [access(a_question()).question(a_caller(), "r-1")]
    access().check_not_erased(request)
    with pytest.raises(Problem, match="erased"):
        access(keyring=Keyring("user/subject")).check_not_erased(request)
    of_document = access(a_document()).request(a_caller(), "r-2")
    access(keyring=Keyring("user/")).check_not_erased(of_document)


def test_a_request_about_a_document_is_the_tenants_and_has_no_answer():
    known = access(a_document())
    assert known.request(a_caller(), "r-2").session == "d-1"
    assert "no answer" in is_unknown(known.question, a_caller(), "r-2")
    is_unknown(known.request, a_caller(tenant="globex"), "r-2")


def test_a_long_name_is_not_told_back():
    assert len(is_unknown(access().request, a_caller(), "x" * 5_000)) < 200
    assert len(is_unknown(access().document, a_caller(), "x" * 5_000)) < 200


@pytest.mark.parametrize(
    ("groups", "caller", "seen"),
    [
        ((), a_caller(), True),
        (("staff",), a_caller(), False),
        (("staff",), a_caller(groups=("guests",)), False),
        (("staff",), a_caller(groups=("guests", "staff")), True),
        (("staff",), a_caller("write"), True),
        ((), a_caller(tenant="globex"), False),
    ],
)
def test_a_document_of_groups_is_known_to_them_and_to_those_who_write(groups, caller, seen):
    known = access(a_document(groups=groups))
    assert [one.id for one in known.documents(caller, 9).documents] == (["d-1"] if seen else [])
    if seen:
        assert known.document(caller, "d-1").id == "d-1"
    else:
        is_unknown(known.document, caller, "d-1")


@pytest.mark.parametrize(
    ("title", "scopes", "destroyed", "shown"),
    [
        ("t", ["restore"], (), "acme: t"),
        ("t", ["restore:PERSON"], (), None),
        ("t", ["read", "write"], (), None),
        ("t", ["restore"], ("t",), None),
        (None, ["restore"], (), None),
    ],
)
def test_a_title_is_shown_to_who_may_see_all(title, scopes, destroyed, shown):
    known = access(a_document(title=sealed(title) if title else None), keyring=Keyring(*destroyed))
    caller = a_caller(*scopes)
    assert known.title(caller, known.document(caller, "d-1")) == shown


ENTRIES = [an_entry("<PERSON_1>"), an_entry("<EMAIL_1>", "EMAIL"), an_entry("<PERSON_2>")]


@pytest.mark.parametrize("error", [KeyDestroyed, Transient])
def test_what_may_not_be_seen_or_not_be_opened_keeps_its_placeholder(error):
    known = access(keyring=Keyring("<PERSON_2>", error=error))
    assert known.reveal(a_caller("restore:PERSON"), ENTRIES) == {"<PERSON_1>": "acme: <PERSON_1>"}
    assert known.reveal(a_caller("read"), ENTRIES) == {}


def test_a_value_that_can_be_opened_outlives_a_later_one_that_can_not():
    twice = [an_entry("<PERSON_1>"), an_entry("<PERSON_1>", key="destroyed")]
    known = access(keyring=Keyring("destroyed"))
    assert known.reveal(a_caller("restore"), twice) == {"<PERSON_1>": "acme: <PERSON_1>"}


def test_a_passage_is_restored_in_title_and_text():
    passage = Passage(
        chunk="c-1",
        document="d-1",
        version=1,
        number=0,
        title="Of <PERSON_1>",
        uri="u",
        text="Ask <PERSON_1> or <PERSON_9>.",
        tokens=3,
        score=0.5,
        entries=(ENTRIES[0],),
    )
    spelt = access().passage(a_caller("restore"), passage)
    assert spelt["title"] == "Of acme: <PERSON_1>"
    assert spelt["text"] == "Ask acme: <PERSON_1> or <PERSON_9>."
    assert access().passage(a_caller(), passage)["text"] == passage.text


@pytest.mark.parametrize(
    "ask",
    [
        lambda known: known.request(a_caller(), "none"),
        lambda known: known.question(a_caller(), "none"),
        lambda known: known.document(a_caller(), "none"),
    ],
)
@pytest.mark.parametrize(("knows_all", "status"), [(True, 404), (False, 503)])
def test_nothing_is_said_not_to_exist_before_all_is_known(ask, knows_all, status):
    with pytest.raises(Problem) as refused:
        ask(access(knows_all=knows_all))
    assert refused.value.status == status
    assert refused.value.retryable is not knows_all


def test_no_list_is_told_before_all_is_known():
    assert len(access(a_document()).documents(a_caller(), 9).documents) == 1
    with pytest.raises(Problem, match="still being read"):
        access(a_document(), knows_all=False).documents(a_caller(), 9)


def test_a_request_that_is_known_is_told_before_all_is():
    known = access(a_question(), knows_all=False)
    assert known.question(a_caller(), "r-1").request == "r-1"


def test_how_a_document_fares_is_not_told_before_all_is_known():
    known = access(a_document(), knows_all=False)
    with pytest.raises(Problem, match="still being read"):
        known.document(a_caller(), "d-1")
