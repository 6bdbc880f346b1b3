"""What is measured, standing: how it is started, found and waited for."""

import json
import os
from subprocess import CompletedProcess

import pytest

from agents.answering.generation_policy import policy_of
from agents.routing import routes_of
from bench.child import MeasurementFailed
from bench.peers import contestants
from bench.peers.askers import PeerAddress, WrongWork
from bench.peers.contestants import (
    CONFIGURED,
    ENVIRONMENT,
    Contestant,
    await_ready,
    await_work,
    component_pids,
    last_words_of,
    shared,
    template_pid,
    with_environment,
)
from bench.peers.corpus import LONG, places
from bench.peers.usage import Programs
from streams.log.configuration import load
from streams.settings import Settings
from tests.bench.peers.peer_in_memory import whole
from tests.bench.peers.test_askers import rightly
from tests.bench.peers.test_visits import served  # noqa: F401 - a fixture

STACK = ("worker", "documents", "gateway", "kafka", "weaviate", "triton")


class Ended:
    def check(self):
        raise MeasurementFailed("ended with 1: no word")


def test_what_is_configured_can_be_worked_by_and_trusts_the_stub_with_long_prompts():
    policy = policy_of({**load()["generate"].values, **CONFIGURED})
    [route] = routes_of(policy.routes).routes
    assert (route.provider, route.model, route.trust) == ("stub", "stub", "phrase")
    longest = max(len(place.text) / 4 for place in places())
    assert policy.passage_tokens > longest


def test_the_platforms_own_processes_understand_what_they_are_started_with():
    assert (
        Settings.load(
            {name: v for name, v in ENVIRONMENT.items() if name.startswith("PLAYHEAD")}
        ).generations
        == 128
    )


def test_the_environment_is_as_it_was_afterwards(monkeypatch):
    monkeypatch.setenv("PEERS_SET", "before")
    monkeypatch.delenv("PEERS_UNSET", raising=False)
    seen = {}

    def broken():
        with with_environment({"PEERS_SET": "a", "PEERS_UNSET": "b"}):
            seen.update(os.environ)
            raise MeasurementFailed

    with pytest.raises(MeasurementFailed):
        broken()
    assert (seen["PEERS_SET"], seen["PEERS_UNSET"]) == ("a", "b")
    assert os.environ["PEERS_SET"] == "before"
    assert "PEERS_UNSET" not in os.environ


def test_processes_are_found_by_the_names_of_their_components(tmp_path):
    components = {"kafka": {"pid": 3}, "weaviate": {"pid": 4}, "triton": {"pid": 5}}
    (tmp_path / "state.json").write_text(json.dumps({"components": components}))
    assert component_pids(tmp_path, {"broker": "kafka"}) == {"broker": (3,)}
    assert shared(tmp_path) == {"weaviate": (4,), "triton": (5,)}


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ({"template": 7}, {"template": (7,)}),
        ({"template": None}, {}),
        ({}, {}),  # of a stack that an earlier release started
    ],
)
def test_the_process_of_which_worker_and_gateway_are_forks_is_found(tmp_path, state, found):
    (tmp_path / "state.json").write_text(json.dumps({"components": {}, **state}))
    assert template_pid(tmp_path) == found


def test_what_a_stack_takes_is_told_with_its_template(tmp_path, monkeypatch):
    components = {name: {"pid": number} for number, name in enumerate(STACK, start=1)}
    state = {"components": components, "template": 9}
    (tmp_path / "state.json").write_text(json.dumps(state))
    monkeypatch.setattr(
        contestants.subprocess, "run", lambda *_, **__: CompletedProcess([], 0, "", "")
    )
    monkeypatch.setattr(contestants.LocalKeys, "key", lambda *_: "a key")
    (tmp_path / "stack.json").write_text("{}")
    one = contestants.playhead(Settings.load(environment={}, run=tmp_path))
    assert one.own == ("worker", "documents", "gateway", "broker", "template")
    assert one.programs.pids["template"] == (9,)
    assert one.programs.alone == {"template"}


def test_a_peer_that_ended_or_never_answers_is_told():
    nowhere = PeerAddress(f"http://127.0.0.1:{contestants.free_port()}")
    with pytest.raises(MeasurementFailed, match="ended with 1"):
        await_ready(nowhere, [Ended()])
    with pytest.raises(MeasurementFailed, match="does not answer after 0 s"):
        await_ready(nowhere, [], ready_s=0)


def a_standing(at, *children):
    return Contestant("Quix", at, (), Programs({}), children)


def test_it_works_when_short_and_long_answers_are_right(served):  # noqa: F811
    left = [0, 1]

    def late(question):
        return whole("Not yet.", "place/0") if left and left.pop() >= 0 else rightly(question)

    served["answer"] = late
    await_work(a_standing(served["at"]), pause_s=0.0)
    assert left == []


@pytest.mark.parametrize("words", [48, LONG])
def test_what_stays_wrong_is_told(served, words):  # noqa: F811
    def answer(question):
        wrong = len(next(p for p in places() if p.question == question).text.split()) == words
        return whole("No.", "place/0") if wrong else rightly(question)

    served["answer"] = answer
    with pytest.raises(WrongWork, match=f"1 of {words} tokens"):
        await_work(a_standing(served["at"]), ready_s=0.0, pause_s=0.0)


def test_what_has_ended_is_not_waited_for():
    with pytest.raises(MeasurementFailed, match="ended with 1"):
        await_work(a_standing(PeerAddress("http://127.0.0.1:9"), Ended()))


class Worded:
    def __init__(self, words):
        self.words = words

    def last_words(self):
        return self.words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "500: not a word from it"),
        (("",), "500: not a word from it"),
        (("no such tensor", "", "ended"), "500: no such tensor; ended"),
    ],
)
def test_a_measurement_that_fails_tells_what_its_programs_wrote_last(monkeypatch, words, said):
    monkeypatch.setattr(contestants, "WORDS_S", 0.0)
    with pytest.raises(MeasurementFailed) as told, last_words_of(*map(Worded, words)):
        raise MeasurementFailed("500")
    assert str(told.value) == said
