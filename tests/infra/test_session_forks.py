"""The desk of forks: what is refused, what is written, and when it is known to be there."""

from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from connectors.keyring.sealing import KeyringSealer
from edge.requests.validity import Refused
from infra.session_forks import READERS, TOPIC, ForkDesk, ForkWish, is_test_tenant, taken_in
from replay.forking.recorded_session import CarriedSession
from schemas import (
    Ask,
    Cause,
    ErasureRefused,
    ErasureRequested,
    MapEntry,
    Numbered,
    PersonErased,
    QuestionAsked,
    Sealed,
    SessionForked,
    SessionOrigin,
    StepVersion,
    Turn,
)
from streams.log.ids import outcome_id
from streams.log.lanes import lane_of
from streams.log.writing import Position
from streams.settings import Settings
from streams.topics import topic_of
from tests.fakes import a_meta
from tests.memory_log import MemoryLog
from tests.producer_keys import ProducerKeys, must_sign, put_signed
from tests.replay.little_log import put

SEALED = Sealed(key="value/d", event="e", field="f", ciphertext=b"c")
ENTRY = MapEntry(placeholder="<PERSON_1>", kind="PERSON", digest="d", value=SEALED)
WISH = ForkWish("acme-test", "try-1", "jane")


class Publisher:
    """Puts what is sent on a log in memory."""

    def __init__(self, log):
        self.log, self.sent = log, []

    def send(self, event):
        topic, offset = put(self.log, event)
        self.sent.append(event)
        word = Future()
        word.set_result(Position(topic, event.meta.lane, offset, 0))
        return word

    def close(self):
        pass


class Bench:
    def __init__(self, run):
        self.settings = Settings(run=run)
        self.keyring = KeyringSealer(self.settings)
        self.log, self.archive = MemoryLog(), MemoryLog()
        self.publisher = Publisher(self.log)
        self.desk = ForkDesk(self.settings, self.keyring, self.publisher, self.log)

    def subject(self, tenant, user):
        return self.keyring.digest(tenant, user.encode())

    def carried(self, tenant="acme", user="jane", **fields):
        subject = self.subject(tenant, user)
        origin = SessionOrigin(
            tenant=tenant, subject=subject, session="s", request="r-1", topic="t", partition=0,
            offset=4)  # fmt: skip
        return CarriedSession(
            origin,
            **{
                "turns": (Turn(request="r-1", question="q", answer="a", entries=(ENTRY,)),),
                "placeholders": (Numbered(placeholder="<PERSON_1>", kind="PERSON", digest="d"),),
                "people": (f"{tenant}/{subject}",),
                **fields,
            },
        )

    def fork(self, carried=None, wish=WISH, source=None):
        return self.desk.fork(
            carried or self.carried(), wish, by="op", source=source or self.archive
        )


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_a_fork_lies_in_the_lane_of_its_session_and_names_where_it_comes_from(bench):
    carried = bench.carried()
    event, position = bench.fork(carried)
    lane = lane_of("acme-test", "try-1", bench.settings.partitions)
    assert (position.topic, position.partition, position.offset) == (TOPIC, lane, 0)
    meta = event.meta
    assert (meta.tenant, meta.session, meta.lane) == ("acme-test", "try-1", lane)
    assert (meta.id, meta.step.name, meta.cause) == (meta.request, "fork", None)
    assert event.subject == bench.subject("acme-test", "jane") != carried.origin.subject
    assert (event.origin, event.people, event.by) == (carried.origin, carried.people, "op")


def test_no_value_and_no_digest_of_one_leaves_its_tenant(bench):
    event, _ = bench.fork()
    [turn], [one] = event.turns, event.placeholders
    assert (turn.question, turn.answer, turn.entries) == ("q", "a", ())
    assert (one.placeholder, one.digest) == ("<PERSON_1>", "")


def test_values_are_carried_to_the_same_user_alone_where_it_is_asked_for(bench):
    wish = ForkWish("acme", "try-1", "jane", live=True, values=True)
    event, _ = bench.fork(wish=wish)
    assert event.turns[0].entries == (ENTRY,)
    assert event.placeholders[0].digest == "d"
    for other in (
        ForkWish("acme", "try-2", "joe", live=True, values=True),
        ForkWish("acme-test", "try-2", "jane", values=True),
    ):
        with pytest.raises(Refused, match="values stay with whom they were said to"):
            bench.fork(wish=other)


def test_twice_is_once(bench):
    first, _ = bench.fork()
    again, position = bench.fork()
    assert (again, position) == (first, None)
    put(bench.log, a_question(bench))
    assert bench.fork() == (first, None), "whatever was asked in it since"
    assert bench.publisher.sent == [first]


def test_another_fork_of_the_session_is_refused(bench):
    bench.fork()
    other = bench.carried()
    origin = replace(other.origin, request="r-2")
    with pytest.raises(Refused, match="is a fork already, of request r-1: choose another name"):
        bench.fork(CarriedSession(origin, people=other.people))


def a_question(bench, session="try-1", user="jane", tenant="acme-test"):
    lane = lane_of(tenant, session, bench.settings.partitions)
    meta = a_meta(tenant=tenant, session=session, lane=lane)
    subject = bench.subject(tenant, user)
    return QuestionAsked(meta=meta, subject=subject, text=SEALED, ask=Ask())


def test_the_same_with_values_is_another_fork(bench):
    bench.fork(wish=ForkWish("acme", "try-1", "jane", live=True))
    with pytest.raises(Refused, match="is a fork already"):
        bench.fork(wish=ForkWish("acme", "try-1", "jane", live=True, values=True))


def test_a_session_that_has_begun_is_refused(bench):
    put(bench.log, a_question(bench))
    with pytest.raises(Refused, match="session try-1 of tenant acme-test has begun"):
        bench.fork()
    assert bench.publisher.sent == []


@pytest.mark.parametrize("other", [{"session": "try-2"}, {"user": "joe"}, {"tenant": "b-test"}])
def test_a_session_of_another_is_none_of_it(bench, other):
    put(bench.log, a_question(bench, **other))
    assert bench.fork()[1] is not None


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (
            ForkWish("acme", "try-1", "jane"),
            r"acme is no test tenant \(\*-test: PLAYHEAD_TEST_TENANTS",
        ),
        (ForkWish("a/b-test", "try-1", "jane"), "a tenant is called by"),
        (ForkWish("acme-test", "", "jane"), "has no name: give it one with --as"),
        (ForkWish("acme-test", "-x", "jane"), "the session id must be"),
        (ForkWish("acme-test", "s\0", "jane"), "the session id must be"),
        (ForkWish("acme-test", "try-1", ""), "the user is empty"),
    ],
)
def test_what_can_be_no_fork_is_refused_with_what_to_do(bench, wish, says):
    with pytest.raises(Refused, match=says):
        bench.fork(wish=wish)
    assert bench.publisher.sent == []


@pytest.mark.parametrize(
    ("patterns", "tests"),
    [("*-test", {"acme-test"}), ("", set()), ("lab, acme*", {"lab", "acme", "acme-test"})],
)
def test_a_test_tenant_is_one_that_the_setting_names(patterns, tests):
    named = ("acme", "acme-test", "lab", "labs")
    assert {one for one in named if is_test_tenant(one, patterns)} == tests


# ------------------------------------------------------------------ people who were erased


def erasure(log, subject, outcome="", tenant="acme"):
    lane = lane_of(tenant, subject, 4)
    meta = a_meta(tenant=tenant, session=subject, lane=lane, request="e-1", id="e-1")
    topic, offset = put(log, ErasureRequested(meta=meta, subject=subject))
    done = a_meta(
        tenant=tenant,
        session=subject,
        request="e-1",
        id=outcome_id("e-1", "erase", 0),
        cause=Cause(topic=topic, partition=lane, offset=offset, id="e-1"),
        step=StepVersion(name="erase", code="test", configuration=""),
    )
    if outcome == "erased":
        put(log, PersonErased(meta=done, subject=subject, keys=()))
    if outcome == "refused":
        put(log, ErasureRefused(meta=done, subject=subject, reason="held"))


@pytest.mark.parametrize("where", ["log", "archive"])
@pytest.mark.parametrize("outcome", ["", "erased"])
def test_what_somebody_said_who_was_or_is_to_be_erased_goes_on_nowhere(bench, where, outcome):
    erasure(getattr(bench, where), bench.subject("acme", "jane"), outcome)
    with pytest.raises(Refused, match="who said this was erased"):
        bench.fork()
    assert bench.publisher.sent == []


def test_nor_what_rests_on_it(bench):
    carried = bench.carried(people=(f"acme/{bench.subject('acme', 'jane')}", "globex/beef"))
    erasure(bench.log, "beef", "erased", tenant="globex")
    with pytest.raises(Refused, match="who said this was erased"):
        bench.fork(carried)


def test_nor_what_was_said_by_somebody_whose_key_is_gone(bench):
    """As in a key store that knows of an erasure which this log does not."""
    key = f"user/{bench.subject('acme', 'jane')}"
    bench.keyring.seal("acme", key, "e", "f", b"x")
    bench.fork()
    bench.keyring.destroy("acme", key)
    with pytest.raises(Refused, match="who said this was erased"):
        bench.fork()


def test_an_erasure_that_was_refused_or_is_anothers_forbids_nothing(bench):
    erasure(bench.log, bench.subject("acme", "jane"), "refused")
    erasure(bench.archive, bench.subject("acme", "joe"), "erased")
    assert bench.fork()[1] is not None


def test_what_can_not_be_read_says_nothing_of_an_erasure(bench):
    for kind in (ErasureRequested, PersonErased):
        bench.log.put(topic_of(kind), b"?")
    assert bench.fork()[1] is not None


# ------------------------------------------------------------------ what nobody signed


@pytest.mark.parametrize("kind", [SessionForked, QuestionAsked, ErasureRequested])
@pytest.mark.parametrize("signed", [False, True])
def test_a_record_that_nobody_signed_stands_in_no_forks_way(bench, kind, signed):
    keys = ProducerKeys({topic_of(kind): [0] * bench.settings.partitions})
    signer = keys.signer("*") if signed else None
    subject, other = bench.subject("acme-test", "jane"), bench.carried().origin
    meta = a_question(bench).meta
    whose = bench.subject("acme", "jane")
    forged = {
        SessionForked: SessionForked(
            meta=replace(meta, request="f", id="f"), subject=subject,
            origin=replace(other, request="r-6")),
        QuestionAsked: a_question(bench),
        ErasureRequested: ErasureRequested(
            meta=a_meta(
                tenant="acme", session=whose, lane=lane_of("acme", whose, 4), request="e", id="e"),
            subject=whose),
    }  # fmt: skip
    must_sign(bench.log, keys)
    put_signed(bench.log, forged[kind], signer)
    if signed:
        with pytest.raises(Refused):
            bench.fork()
    else:
        assert bench.fork()[1] is not None


# ------------------------------------------------------------------ waiting


def test_a_fork_is_taken_in_once_both_tables_have_come_to_it():
    told = iter([(4, 4), (5, 4), (5, 5)])
    looks = []

    def ask(_settings, groups, partitions, _limit):
        assert groups == {group: [(TOPIC, 2)] for group in READERS}
        assert partitions == []
        committed = dict(zip(READERS, next(told), strict=True))
        return SimpleNamespace(
            committed={group: {(TOPIC, 2): offset} for group, offset in committed.items()}
        )

    assert len(READERS) == 2
    assert taken_in(Settings(), 2, 4, 60, ask, looks.append)
    assert len(looks) == 2


def test_a_fork_that_nobody_takes_in_is_waited_for_so_long():
    asked = []

    def ask(*_):
        asked.append(1)
        return SimpleNamespace(committed={group: {(TOPIC, 0): -1} for group in READERS})

    assert not taken_in(Settings(), 0, 0, 0, ask)
    assert asked == [1]
