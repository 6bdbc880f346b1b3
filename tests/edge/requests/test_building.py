"""Requests as they are built."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.errors import KeyDestroyed
from connectors.keyring import Keyring
from edge.requests import limits
from edge.requests.building import RequestBuilder, response_schema_text
from edge.requests.configured_limits import ConfiguredLimits
from edge.requests.new_document import NewDocument
from edge.requests.validity import Refused, TooLarge
from schemas import Ask
from streams.log.codec import body
from streams.log.ids import document_id, request_id
from streams.log.lanes import lane_of
from streams.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(run=tmp_path, partitions=8, claim_bytes=10_000, document_bytes_max=50_000)


@pytest.fixture
def keyring(settings):
    return Keyring(settings)


@pytest.fixture
def requests(settings, keyring):
    return RequestBuilder(settings, keyring, edge="producer")


def test_a_question_is_sealed_for_its_user_and_lies_in_its_sessions_lane(requests, keyring):
    event = requests.question("acme", user="jane", session="s-1", text="secret", fingerprint="f")
    assert event.meta.id == event.meta.request == request_id("acme", "f")
    assert event.meta.lane == lane_of("acme", "s-1", 8)
    assert event.meta.cause is None
    assert event.meta.step.name == "producer"
    assert event.subject == keyring.digest("acme", b"jane")
    assert event.text.key == f"user/{event.subject}"
    assert (event.text.event, event.text.field) == (event.meta.id, "text")
    assert keyring.unseal("acme", event.text) == b"secret"
    assert b"secret" not in body(event)
    assert b"jane" not in body(event)


def test_a_document_is_sealed_under_its_own_key(requests, keyring):
    event = requests.document("acme", uri="u", content=b"secret", title="hidden")
    identity = document_id("acme", "u")
    assert event.document == event.meta.session == identity
    assert event.meta.lane == lane_of("acme", identity, 8)
    assert event.content.key == event.title.key == f"document/{identity}"
    assert keyring.unseal("acme", event.content) == b"secret"
    assert keyring.unseal("acme", event.title) == b"hidden"
    assert b"secret" not in body(event)
    assert b"hidden" not in body(event)


def test_a_large_document_travels_by_claim_check(requests, keyring):
    event = requests.document("acme", uri="u", content=b"x" * 20_000)
    assert event.content.claim
    assert len(body(event)) < 2_000
    assert keyring.unseal("acme", event.content) == b"x" * 20_000


def test_equal_fingerprints_are_one_request_and_others_are_not(requests):
    def ids(fingerprint, tenant="acme"):
        return requests.question(tenant, user="u", text="x", fingerprint=fingerprint).meta.id

    assert ids("f") == ids("f")
    assert len({ids("f"), ids("g"), ids("f", "globex"), ids(""), ids("")}) == 5


def test_a_question_without_a_session_begins_one(requests):
    event = requests.question("acme", user="u", text="x", fingerprint="f")
    again = requests.question("acme", user="u", text="x", fingerprint="f")
    assert event.meta.session == again.meta.session
    assert event.meta.session != requests.question("acme", user="u", text="x").meta.session


def test_a_question_has_a_deadline_unless_the_asker_says_otherwise(requests):
    event = requests.question("acme", user="u", text="x")
    assert event.ask.deadline == pytest.approx(event.meta.at + 30_000_000, abs=1_000_000)
    assert requests.question("acme", user="u", text="x", ask=Ask()).ask.deadline == 0


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"tenant": ""}, Refused),
        ({"tenant": "-a"}, Refused),
        ({"tenant": "a b"}, Refused),
        ({"tenant": "a" * 64}, Refused),
        ({"user": ""}, Refused),
        ({"user": "u" * 257}, Refused),
        ({"text": ""}, Refused),
        ({"text": "x" * 20_001}, TooLarge),
        ({"session": "a b"}, Refused),
        ({"session": "s" * 129}, Refused),
        ({"ask": Ask(max_tokens=0)}, Refused),
        ({"ask": Ask(max_tokens=limits.ANSWER_TOKENS_MAX + 1)}, Refused),
        ({"ask": Ask(passages_max=0)}, Refused),
        ({"ask": Ask(passages_max=limits.PASSAGES_MAX + 1)}, Refused),
        ({"ask": Ask(groups=("g",) * (limits.GROUPS_MAX + 1))}, Refused),
    ],
)
def test_a_question_that_cannot_be_taken_in_is_refused(requests, wrong, error):
    with pytest.raises(error):
        requests.question(**{"tenant": "acme", "user": "u", "text": "x", **wrong})


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"tenant": ""}, Refused),
        ({"uri": ""}, Refused),
        ({"uri": "u" * 2_049}, Refused),
        ({"media_type": "image/x-icon"}, Refused),
        ({"media_type": ""}, Refused),
        ({"media_type": "; charset=utf-8"}, Refused),
        ({"groups": ["g"] * (limits.GROUPS_MAX + 1)}, Refused),
        ({"chunk_policy": "none"}, Refused),
        ({"content": b"x" * 50_001}, TooLarge),
        ({"title": "x" * 1_001}, TooLarge),
        ({"metadata": {"": "v"}}, Refused),
        ({"metadata": {"k": "v" * 513}}, Refused),
        ({"metadata": {str(number): "v" for number in range(65)}}, Refused),
    ],
)
def test_a_document_that_cannot_be_taken_in_is_refused(requests, wrong, error):
    with pytest.raises(error):
        requests.document(**{"tenant": "acme", "uri": "u", "content": b"x", **wrong})


def test_what_just_keeps_the_limits_is_taken_in(requests):
    groups = tuple(f"g{number}" for number in range(limits.GROUPS_MAX))
    most = Ask(max_tokens=limits.ANSWER_TOKENS_MAX, passages_max=limits.PASSAGES_MAX, groups=groups)
    for ask in (most, Ask(max_tokens=1, passages_max=1)):
        assert requests.question("acme", user="u", text="x", ask=ask).ask == ask
    assert requests.document("acme", uri="u", content=b"x", groups=groups).groups == groups


def test_a_caller_whose_key_names_many_groups_asks_with_all_of_them(requests):
    ask = Ask(groups=("g",) * (limits.GROUPS_MAX + 1))
    assert requests.ask(requests.identities.of_question("acme", "s"), "x", ask).ask == ask


@pytest.mark.parametrize(
    ("media_type", "spelt"),
    [
        ("text/html", "text/html"),
        ("TEXT/HTML", "text/html"),
        (" Text/Html ; a=b; c=d", "text/html"),
        ("text/html;charset=UTF-8", "text/html; charset=utf-8"),
        ("text/html; a=b; Charset='GB18030' ", "text/html; charset=gb18030"),
        ("text/html; charset=", "text/html"),
    ],
)
def test_a_media_type_is_known_in_any_spelling_and_keeps_its_charset(requests, media_type, spelt):
    event = requests.document("acme", uri="u", content=b"x", media_type=media_type)
    assert event.media_type == spelt


def test_an_erased_user_comes_back_as_somebody_else(requests, keyring):
    before = requests.question("acme", user="jane", text="x")
    keyring.destroy("acme", before.text.key)
    after = requests.question("acme", user="jane", text="x")
    assert after.subject != before.subject
    assert after.text.key == f"user/{after.subject}"
    assert keyring.unseal("acme", after.text) == b"x"
    assert requests.question("acme", user="jane", text="y").subject == after.subject
    with pytest.raises(KeyDestroyed):
        keyring.unseal("acme", before.text)


@given(st.text(min_size=1, max_size=200))
def test_any_text_can_be_asked(unit_path_factory, text):
    settings = Settings(run=unit_path_factory.getbasetemp() / "any")
    keyring = KEYRINGS.setdefault(settings.run, None) or Keyring(settings)
    KEYRINGS[settings.run] = keyring
    event = RequestBuilder(settings, keyring, edge="producer").question("acme", user="u", text=text)
    assert keyring.unseal("acme", event.text).decode() == text


KEYRINGS = {}


def test_a_schema_has_one_spelling():
    assert response_schema_text({"b": 1, "a": 2}) == response_schema_text({"a": 2, "b": 1})
    assert response_schema_text(None) == ""


def test_an_identity_is_what_the_request_carries(requests):
    identity = requests.identities.of_question("acme", "subject", "s-1", "f")
    event = requests.ask(identity, "x", Ask())
    meta = event.meta
    assert (meta.id, meta.request) == (identity.request, identity.request)
    assert (meta.tenant, meta.session, meta.lane) == ("acme", "s-1", identity.lane)
    assert event.subject == "subject"
    assert event.text.key == "user/subject"


def test_what_is_said_about_one_document_lies_in_one_lane(requests):
    submission = requests.document("acme", uri="u", content=b"x")
    withdrawal = requests.withdrawal("acme", document=submission.document, reason="old")
    assert withdrawal.meta.lane == submission.meta.lane
    assert withdrawal.meta.session == withdrawal.document == submission.document
    assert withdrawal.meta.request != submission.meta.request
    assert withdrawal.reason == "old"


def test_nothing_is_sealed_for_a_document_that_is_refused():
    class Nothing:
        """A keyring that must not be asked."""

    requests = RequestBuilder(Settings(document_bytes_max=3), Nothing(), edge="producer")
    identity = requests.identities.of_document("acme", "u")
    for document in (
        NewDocument("u", b"long"),
        NewDocument("", b"x"),
        NewDocument("u" * 9_999, b""),
    ):
        with pytest.raises(Refused):
            requests.submit(identity, document)


@pytest.mark.parametrize("policy", ConfiguredLimits().chunk_policies)
def test_every_chunk_policy_that_is_configured_is_taken(requests, policy):
    event = requests.document("acme", uri="u", content=b"x", chunk_policy=policy)
    assert event.chunk_policy == policy


def test_a_policy_that_is_not_configured_is_refused_with_those_that_are(requests):
    with pytest.raises(Refused) as refused:
        requests.document("acme", uri="u", content=b"x", chunk_policy="none")
    assert all(policy in str(refused.value) for policy in ConfiguredLimits().chunk_policies)


def test_a_request_goes_on_with_its_trace(requests):
    given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert requests.question("acme", user="u", text="x", trace=given).meta.trace == given


@pytest.mark.parametrize("tenant", ["", "-a", "a b", "a" * 64])
def test_nobody_stands_for_a_user_of_what_is_no_tenant(requests, tenant):
    with pytest.raises(Refused):
        requests.subject(tenant, "jane")


@pytest.mark.parametrize(
    ("rating", "comment", "error"),
    [(2, "", Refused), (-2, "", Refused), (1, "x" * (limits.COMMENT_MAX + 1), TooLarge)],
)
def test_what_is_no_judgement_is_refused(requests, rating, comment, error):
    identity = requests.identities.of_question("acme", "subject", "s-1")
    with pytest.raises(error):
        requests.judge(identity, "r-1", rating, comment)


def test_the_words_of_a_judgement_are_sealed_for_its_reader(requests, keyring):
    identity = requests.identities.of_question("acme", "subject", "s-1", "f")
    event = requests.judge(identity, "r-1", 1, "café")
    assert (event.about, event.rating, event.meta.id) == ("r-1", 1, request_id("acme", "f"))
    assert event.comment.key == "user/subject"
    assert keyring.unseal("acme", event.comment) == "café".encode()
    assert requests.judge(identity, "r-1", 1).comment is None
