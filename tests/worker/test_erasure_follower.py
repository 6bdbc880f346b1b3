"""Every worker drops what it keeps of the erased, and one of a host executes."""

import threading
import time
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError

from agents.answering.terms import terms
from agents.errors import Permanent, Transient
from edge.erasing.erasure_desk import ErasureDesk
from edge.erasing.named_person import named_person
from schemas import ErasureRequested
from streams.log.configuration import PRODUCERS
from streams.operations.erasures.erasure_log import VOICED, ErasureLog
from streams.running.producer_proof import ProducerProof
from streams.topics import topic_of
from tests.erased_people import PeopleHeld
from tests.producer_keys import ProducerKeys
from worker.erasure_follower import Dropping, ErasureFollower, ExecutorLock, on_loop

PATIENCE_S = 60.0


@dataclass
class Keeping:
    """A connector that keeps answers and has an index, and a table; notes what it is to drop."""

    forgot: list = field(default_factory=list)
    removed: list = field(default_factory=list)
    people: set = field(default_factory=set)
    sweeps: int = 0

    def forget_tenant(self, tenant):
        self.forgot.append(tenant)

    def forget_documents(self, tenant, documents):
        self.removed += [(tenant, one) for one in documents]

    async def sweep(self):
        self.sweeps += 1

    def forget_people(self, people):
        self.people |= people
        return 0


@pytest.fixture
def people(tmp_path):
    return PeopleHeld(tmp_path)


def ask(people, user="jane", **named):
    desk = ErasureDesk(people.keyring, people, people.told, 2, edge="test")
    return desk.ask(named_person(people.keyring, "acme", user, **named), by="test")


def run_now(work):
    """Run a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits for something")


def a_follower(people, keeping, *, executes=True, holds=None, **parts):
    return ErasureFollower(
        people.settings,
        people.codec,
        Dropping([keeping], [keeping]),
        people.executor(**parts) if executes else None,
        run_now,
        consumer=people.consumer,
        holds=holds or people.proof.holds,
    )


def following(follower, until):
    """Let a follower follow on a thread until something is true."""
    thread = threading.Thread(target=follower._run, daemon=True)
    thread.start()
    ends_s = time.monotonic() + PATIENCE_S
    while not until() and time.monotonic() < ends_s:
        time.sleep(0.01)
    follower.stopping.set()
    thread.join(PATIENCE_S)
    assert until()


def test_what_is_asked_is_executed_and_what_is_kept_is_dropped(people):
    sealed, _ = people.hand_in("d-1", "Anna", metadata={"data_subject": "jane"})
    text = people.ask("jane")[0]
    subject = people.subject("jane")
    ask(people)
    keeping = Keeping()
    following(a_follower(people, keeping), lambda: keeping.sweeps)
    assert not people.opens(text)
    assert not people.opens(sealed)
    assert keeping.forgot == ["acme"]
    assert keeping.people == {("acme", subject)}
    assert keeping.removed == [("acme", "d-1")]
    assert keeping.sweeps
    assert people.told().done()


def test_where_producers_must_sign_a_forged_request_erases_and_holds_nobody(people):
    keys = ProducerKeys({topic_of(kind): [0, 0] for kind in VOICED})
    jane, joe = people.ask("jane")[0], people.ask("joe")[0]
    ask(people, "jane")
    people.signer = keys.signer("*")
    ask(people, "joe")
    people.signer = None
    desk = ErasureDesk(people.keyring, people, people.told, 2, edge="test")
    desk.hold(named_person(people.keyring, "acme", "joe"), held=True, by="test")
    keeping, proof = Keeping(), ProducerProof({PRODUCERS: keys.configuration})
    following(a_follower(people, keeping, holds=proof.holds), lambda: keeping.people)
    assert (people.opens(jane), people.opens(joe)) == (True, False)


def test_a_worker_that_may_not_read_what_is_asked_says_so(people):
    error = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    place = {"topic": lambda: topic_of(ErasureRequested), "partition": lambda: 0}
    message = SimpleNamespace(error=lambda: error, **place)
    with pytest.raises(Permanent, match="playhead acls"):
        a_follower(people, Keeping())._take(message, ErasureLog(), set())


def test_what_was_done_before_a_start_is_dropped_too_and_not_done_again(people):
    people.ask("jane")
    ask(people)
    people.work()
    keeping, looked = Keeping(), []
    following(a_follower(people, keeping, look=lambda *_: looked.append(1)), lambda: keeping.people)
    assert not looked
    assert len(people.told().done()) == 1


def test_a_key_store_of_before_is_erased_again_at_a_start(people, tmp_path):
    people.ask("jane")
    ask(people)
    people.work()
    older = PeopleHeld(tmp_path / "older")
    keys = people.told().done()[0].keys
    follower = a_follower(people, Keeping(), keyring=older.keyring)
    following(follower, lambda: len(older.keyring.states("acme", keys)) == len(keys))
    assert all(state.destroyed for state in older.keyring.states("acme", keys).values())


def test_a_process_without_keys_drops_and_executes_nothing(people):
    people.ask("jane")
    people.ask("bob")
    ask(people)
    people.work()
    ask(people, "bob")
    keeping = Keeping()
    following(a_follower(people, keeping, executes=False), lambda: keeping.people)
    assert len(people.told().pending()) == 1


def test_one_of_a_host_executes_and_the_next_takes_over_when_it_ends(people):
    first, second = (ExecutorLock(people.settings.keyring_path) for _ in range(2))
    assert first.take()
    assert first.take()
    assert not second.take()
    people.ask("jane")
    ask(people)
    keeping = Keeping()
    follower = a_follower(people, keeping)
    follower._lock = second
    threading.Timer(0.2, first._file.close).start()
    following(follower, lambda: keeping.people)
    assert people.told().done()


def test_an_error_is_told_and_the_work_goes_on(people, caplog):
    people.ask("jane")
    ask(people)
    keeping, errors = Keeping(), [Transient("away")]

    def write(events):
        if errors:
            raise errors.pop()
        people.put_all(events)

    follower = a_follower(people, keeping, write=write)
    follower.stopping.wait = lambda _: None
    following(follower, lambda: keeping.people)
    assert not errors
    assert people.told().done()


def test_one_that_fails_keeps_nobody_waiting(people):
    people.ask("bob")
    people.ask("jane")
    ask(people, "bob")
    ask(people)
    bob = people.subject("bob")

    def look(person, *of):
        if person.subject == bob:
            raise OSError("no access")
        return people.look(person, *of)

    keeping = Keeping()
    follower = a_follower(people, keeping, look=look)
    follower.stopping.wait = lambda _: None
    following(follower, lambda: keeping.people)
    [done], [pending] = people.told().done(), people.told().pending()
    assert pending.asked.subject == bob != done.asked.subject


def test_a_hold_that_has_not_come_here_yet_counts(people):
    sealed = people.ask("jane")[0]
    ask(people)
    desk = ErasureDesk(people.keyring, people, people.told, 2, edge="test")
    known = people.told()
    desk.hold(named_person(people.keyring, "acme", "jane"), held=True, by="t", reason="case 1")
    assert not known.against(known.pending()[0].person)
    a_follower(people, Keeping())._execute(known, set())
    assert people.opens(sealed)
    assert [one.state for one in people.told().erasures.values()] == ["refused"]


async def test_what_pure_functions_keep_of_texts_is_forgotten(people):
    people.ask("jane")
    ask(people)
    terms("keys of the tower")
    assert terms.cache_info().currsize
    await Dropping([], []).forget(people.told().pending())
    assert not terms.cache_info().currsize


async def test_work_for_the_loop_is_waited_for_from_another_thread():
    import asyncio

    done = []

    async def work():
        done.append(threading.current_thread())

    await asyncio.to_thread(on_loop(asyncio.get_running_loop()), work())
    assert done == [threading.current_thread()]
