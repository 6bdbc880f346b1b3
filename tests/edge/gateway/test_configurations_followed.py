"""The gateway takes in what the steps behind it take, as the log says: no restart, and no file of its own."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from edge.protocols.http.app import create_app
from schemas import ConfigurationActivated, DocumentSubmitted, QuestionAsked
from streams.log.activations import SHIPPED
from streams.log.configuration import configuration, load
from streams.log.configuration_log import CHOICES, CONTENTS, ConfigurationLog, activation
from streams.log.configuration_watch import (
    ConfigurationsFollowed,
    ConfigurationsInForce,
    ConfigurationWatch,
)
from streams.log.setup import configuration_records
from streams.settings import Settings
from tests.edge.fake_log import a_gateway, a_key
from tests.edge.http_client import HttpClient
from tests.fakes import a_codec
from tests.memory_broker import a_broker

CODEC = a_codec()
OURS = load()
DOCUMENT = {"uri": "u", "content": "VAT is due.", "media_type": "text/plain"}
LEGAL = {"legal": OURS["ingest"].values["policies"]["faq"]}


class Choosing:
    """A gateway whose configurations are chosen on a log in memory."""

    def __init__(self, folder, log):
        self.broker = a_broker()
        in_force = ConfigurationsInForce(OURS)
        choices = ConfigurationLog(Settings(), CODEC, self.broker.consumer())
        self.watch = ConfigurationWatch(lambda: choices, in_force)
        self.followed = ConfigurationsFollowed(self.watch)
        parts = {"configurations": in_force, "followed_log": self.followed}
        self.gateway = a_gateway(folder, log, parts=parts)
        self.made = 0

    def choose(self, step, **fields):
        """Choose other values for a step; without any, what is shipped."""
        chosen = configuration(step, {**OURS[step].values, **fields})
        for record in configuration_records({step: chosen}):
            self.broker.put(CONTENTS, CODEC.encode(record), key=record.digest.encode())
        self.made += 1
        digest = chosen.digest if fields else SHIPPED
        record = activation(ConfigurationActivated(step=step, digest=digest), str(self.made))
        self.broker.put(CHOICES, CODEC.encode(record), key=step.encode())
        self.watch.look()


@pytest.fixture
def choosing(tmp_path, log):
    return Choosing(tmp_path, log)


@pytest.fixture
def gateway(choosing):
    return choosing.gateway


@pytest.fixture
async def call(choosing):
    """Calls of a gateway whose configurations stand still unless a test looks."""
    choosing.gateway.followed_log = None
    choosing.gateway.start()
    yield HttpClient(create_app(choosing.gateway), a_key(choosing.gateway))
    await choosing.gateway.stop()


async def models(call):
    answer = await call("GET", "/v1/models")
    return [one["id"] for one in answer.json()["data"]]


async def test_models_are_those_of_the_routes_in_force(call, choosing):
    assert await models(call) == ["playhead", "chat"]
    route = {"name": "house", "model": "chat", "trust": "quote"}
    choosing.choose("generate", routes={"routes": [route]})
    assert await models(call) == ["playhead", "house"]
    assert (await call("GET", "/v1/models/chat")).status_code == 404
    body = {"model": "chat", "messages": [{"role": "user", "content": "Is VAT due?"}]}
    assert (await call("POST", "/v1/chat/completions", body)).status_code == 404
    choosing.choose("generate")
    assert await models(call) == ["playhead", "chat"]


async def test_documents_may_be_cut_as_ingest_is_configured_now(call, choosing, log):
    legal = {**DOCUMENT, "chunk_policy": "legal"}
    refused = await call("POST", "/v1/documents", legal)
    assert (refused.status_code, "procedural" in refused.text) == (422, True)
    choosing.choose("ingest", policies=LEGAL, default_policy="legal")
    assert (await call("POST", "/v1/documents", legal)).status_code == 202
    [submitted] = log.published(DocumentSubmitted)
    assert submitted.chunk_policy == "legal"
    refused = await call("POST", "/v1/documents", {**DOCUMENT, "chunk_policy": "procedural"})
    assert (refused.status_code, "legal" in refused.text) == (422, True)


async def test_what_the_steps_would_not_take_is_refused_before_it_is_on_the_log(
    call, choosing, log
):
    question = {"text": "Is VAT due?", "max_tokens": 300}
    choosing.choose("generate", asked_max={"tokens": 200})
    refused = await call("POST", "/v1/messages", question)
    assert (refused.status_code, "at most 200" in refused.text) == (422, True)
    choosing.choose("ingest", bytes_max=1_000)
    refused = await call("POST", "/v1/documents", {**DOCUMENT, "content": "x" * 1_001})
    assert (refused.status_code, "1000" in refused.text) == (413, True)
    assert log.published(QuestionAsked) == log.published(DocumentSubmitted) == []
    assert (await call("POST", "/v1/documents", DOCUMENT)).status_code == 202


async def test_a_hostile_record_among_the_choices_is_one_line_and_the_gateway_goes_on(
    call, choosing
):
    with capture_logs() as logged:
        for value in (b"\0\0\0\0\1?", None, b"", b"{}" * 1_000):
            choosing.broker.put(CHOICES, value, key=b"generate")
        choosing.watch.look()
        choosing.watch.look()
    assert [line["log_level"] for line in logged] == ["warning"] * 4
    choosing.choose("ingest", policies=LEGAL, default_policy="legal")
    assert "legal" in (await call("POST", "/v1/documents", {**DOCUMENT, "chunk_policy": "x"})).text


async def test_a_gateway_is_not_ready_before_it_knows_what_is_in_force(gateway, choosing):
    policy = gateway.configured.policy
    assert "configurations" in await gateway.missing()
    assert not policy.known()
    gateway.start()
    while "configurations" in await gateway.missing():
        assert choosing.followed._thread.is_alive()
    assert policy.known()
    await gateway.stop()
    choosing.followed._thread.join(60)
    assert not choosing.followed._thread.is_alive()
