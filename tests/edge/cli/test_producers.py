"""`playhead producers`: what it puts on the log, also where two change it at the same moment."""

import contextlib
import json

import click
import pytest
from click.testing import CliRunner

from edge.cli import producers as verbs
from schemas import ConfigurationActivated
from streams.log.activations import Activations, ConfigurationChoice
from streams.log.configuration import PRODUCERS, load
from streams.log.producer_signature import ProducerSigner
from streams.log.writing import Position
from streams.settings import Settings

OTHERS = {"keys": {"other": {"tenant": "globex", "public_key": "A" * 43 + "="}}}


class ChoicesOfProducers:
    """The choices on the log, in memory; `between` is what another operator writes meanwhile."""

    def __init__(self):
        self.history, self.contents, self.between = [], {}, []

    def read(self):
        return Activations(tuple(self.history), self.contents)

    def put(self, wish, replaced=None):
        self.contents[wish.content.digest] = wish.content
        record = ConfigurationActivated(step=PRODUCERS, digest=wish.digest, by="ada")
        self.history.append(ConfigurationChoice(len(self.history), record, replaced=replaced))

    def put_wish(self, _settings, _codec, _standing, wish):
        replaced = None
        if self.between:
            other = self.between.pop()
            self.put(other)
            replaced = other.digest
        self.put(wish, replaced)
        return Position("t", 0, len(self.history) - 1, 0)

    @property
    def values(self):
        return self.read().in_force(PRODUCERS, load()[PRODUCERS]).values


@pytest.fixture
def choices(monkeypatch):
    made = ChoicesOfProducers()
    opened = contextlib.nullcontext((Settings(), None, made))
    monkeypatch.setattr(verbs, "opened", lambda _run: opened)
    monkeypatch.setattr(verbs, "put_wish", made.put_wish)
    made.ends = ends = {
        topic: [3, 0, 0, 0] for topic in verbs.ASKED if topic != "playhead.session.forked"
    }
    monkeypatch.setattr(verbs, "ends_now", lambda _settings: ends)
    return made


def call(*words):
    done = CliRunner().invoke(verbs.producers, words)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_key_is_printed_once_and_only_what_checks_it_is_kept(choices):
    told = json.loads(call("create", "--tenant", "acme", "--ttl", "1d", "--json"))
    assert ProducerSigner.of_secret(told["key"]).key == told["id"]
    [(identity, entry)] = choices.values["keys"].items()
    assert (identity, entry["tenant"]) == (told["id"], "acme")
    assert told["key"].partition(":")[2] not in json.dumps(choices.values)
    assert call("create", "--every-tenant").startswith("producer-")
    listed = json.loads(call("list", "--json"))
    assert {one["tenant"] for one in listed["producers"]} == {"acme", "*"}
    assert listed["required"] is False


def test_signatures_are_asked_for_from_where_the_log_ends_once_the_gateway_has_a_key(choices):
    refused = CliRunner().invoke(verbs.producers, ["require"])
    assert "there is no key for the gateway" in refused.output
    call("create", "--every-tenant")
    call("require")
    assert choices.values["required_from"]["playhead.question.asked"] == [3, 0, 0, 0]
    before = len(choices.history)
    call("require")
    assert len(choices.history) == before  # what is in force stays
    choices.ends["playhead.session.forked"] = [7, 0, 0, 0]  # a topic of a later release
    choices.ends["playhead.question.asked"] = [9, 0, 0, 0]
    call("require")
    required = choices.values["required_from"]
    assert required["playhead.session.forked"] == [7, 0, 0, 0]
    assert required["playhead.question.asked"] == [3, 0, 0, 0]
    call("allow-unsigned")
    assert "required_from" not in choices.values


def test_a_revoked_key_is_refused_from_where_the_log_ends(choices):
    identity = json.loads(call("create", "--tenant", "acme", "--json"))["id"]
    call("revoke", identity)
    assert choices.values["keys"][identity]["revoked_from"]["playhead.question.asked"][0] == 3
    unknown = CliRunner().invoke(verbs.producers, ["revoke", "nobody"])
    assert "no key nobody" in unknown.output


def test_what_another_changes_at_the_same_moment_is_not_lost(choices):
    content = verbs.usable(PRODUCERS, OTHERS)
    choices.between.append(verbs.ChoiceWish(PRODUCERS, content, "set", "bob", ""))
    identity = json.loads(call("create", "--tenant", "acme", "--json"))["id"]
    assert set(choices.values["keys"]) == {"other", identity}


@pytest.mark.parametrize(
    "words",
    [
        ["create"],
        ["create", "--tenant", "acme", "--every-tenant"],
        ["create", "--tenant", "a b"],
        ["create", "--tenant", "acme", "--ttl", "soon"],
    ],
)
def test_what_can_not_be_meant_is_refused(choices, words):
    done = CliRunner().invoke(verbs.producers, words)
    assert done.exit_code == click.UsageError.exit_code
    assert choices.history == []
