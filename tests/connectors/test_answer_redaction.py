"""What hosts answer is redacted before anything is recorded of it: real sockets, keys, and (slow) detector."""

import json

import pytest

from agents.errors import Permanent, Transient
from agents.placeholders import restore
from connectors.answer_redaction import AnswerRedaction
from connectors.keyring import Keyring
from connectors.presidio.connector import LatePresidio
from connectors.tools import Tools
from schemas import CallTool, Detect, Numbered
from schemas.registry import FixedIds
from streams.delivery.memory import Memory
from streams.log.configuration import configuration, load
from streams.log.subjects import subjects
from streams.settings import Settings
from streams.topics import step
from tests.agents.fake_services import FakeDetector
from tests.connectors.providers.fake_providers import serving
from tests.connectors.providers.providing import CALL
from tests.connectors.tools.test_tool_hosts import says
from tests.fake_connectors import FakeAnsweringConnector
from tests.fakes import a_codec
from worker.wiring import attach, declare

PEOPLE = {"PERSON": "Ada Lovelace|Max Muster", "PHONE_NUMBER": r"\d{12}"}
TICKET = {
    "opened by": "Ada Lovelace",
    "telephone": 491701234567,
    "Max Muster": "knows Ada Love\u00adlace of <PERSON_9>",
}
WITHOUT = (
    "opened by: <PERSON_1>\ntelephone: <PHONE_NUMBER_1>\n"
    "<PERSON_2>: knows <PERSON_1> of <_PERSON_9>"
)


class Answering:
    """A worker of generate whose one tool is asked at a server with a script."""

    def __init__(self, tmp_path, detector=None, configured=None):
        self.settings = Settings(run=tmp_path)
        self.keyring = Keyring(self.settings)
        self.detector = detector or FakeAnsweringConnector(FakeDetector(PEOPLE).answers())
        hosted = declare(self.settings, step("generate"), Memory(1_000_000))
        ids = FixedIds.numbered(dict.fromkeys(subjects().values()))
        connectors = [self.keyring, Tools(self.settings), self.detector]
        self.world = attach(
            self.settings, [hosted], connectors, self.keyring, ids, configured or load()
        ).world

    async def ask(self, said, status=200, **fields):
        script = says(json.dumps(said).encode(), status)
        async with serving(script) as (server, address):
            self.requests = server.requests
            request = CallTool(
                tool="ticket", method="GET", url=f"{address}/t/1", private=True, **fields
            )
            return await self.world.ask(request, CALL)

    def values(self, answered):
        """What its placeholders stand for, as far as a key is there."""
        found = {}
        for one in answered.entries:
            try:
                found[one.placeholder] = self.keyring.unseal(CALL.tenant, one.value).decode()
            except Permanent:
                continue
        return found


@pytest.fixture
async def answering(tmp_path):
    made = Answering(tmp_path)
    yield made
    await made.world.close()


async def test_no_value_of_an_answer_is_recorded_and_each_comes_back_by_its_key(answering):
    answered = await answering.ask(TICKET)
    assert answered.content == WITHOUT
    recorded = a_codec().encode(answered)
    for plain in (b"Ada", b"Lovelace", b"Muster", b"491701234567"):
        assert plain not in recorded
    assert answered.policy == load()["redact"].digest
    assert restore(answered.content, answering.values(answered)) == (
        "opened by: Ada Lovelace\ntelephone: 491701234567\n"
        "Max Muster: knows Ada Lovelace of <PERSON_9>"
    )


async def test_an_answer_is_redacted_by_the_policy_of_its_tenant(tmp_path):
    own = {"deny": {"PROJECT": {"texts": ["Blue Heron"]}}, "allow": {"texts": ["Max Muster"]}}
    tenants = {CALL.tenant: own, "tern": {"deny": {"PROJECT": {"texts": ["knows"]}}}}
    values = {**load()["redact"].values, "tenants": tenants}
    made = Answering(tmp_path, configured={**load(), "redact": configuration("redact", values)})
    answered = await made.ask({"Max Muster": "knows blue  HERON"})
    assert answered.content == "Max Muster: knows <PROJECT_1>"
    assert made.values(answered) == {"<PROJECT_1>": "blue HERON"}
    await made.world.close()


def test_a_policy_is_read_once_for_as_long_as_it_is_in_force():
    configurations = dict(load())
    redaction = AnswerRedaction(None, configurations)
    assert redaction.policy("acme") is redaction.policy("acme")
    values = {**configurations["redact"].values, "consistent": "tenant"}
    configurations["redact"] = configuration("redact", values)
    assert redaction.policy("acme")["consistent"] == "tenant"


async def test_who_is_erased_is_erased_from_what_hosts_said_before_and_say_after(answering):
    before = await answering.ask(TICKET)
    [ada] = (one for one in before.entries if one.placeholder == "<PERSON_1>")
    assert answering.keyring.destroy(CALL.tenant, ada.value.key)
    after = await answering.ask(TICKET)
    assert after.content == before.content == WITHOUT
    for answered in (before, after):
        assert "<PERSON_1>" not in answering.values(answered)
        assert answering.values(answered)["<PERSON_2>"] == "Max Muster"
    assert "<PERSON_1>" not in {one.placeholder for one in after.entries}


async def test_a_value_of_the_question_keeps_its_name_though_the_detector_sees_none(answering):
    first = await answering.ask({"by": "Ada Lovelace"})
    [entry] = first.entries
    known = Numbered(placeholder="<PERSON_7>", kind="PERSON", digest=entry.digest)
    answering.detector._answers = FakeDetector({"PERSON": "Max Muster"}).answers()
    said = {"by": "Ada Lovelace", "for": "Max Muster"}
    answered = await answering.ask(said, known=(known,))
    assert answered.content == "by: <PERSON_7>\nfor: <PERSON_8>"
    assert answering.values(answered) == {"<PERSON_7>": "Ada Lovelace", "<PERSON_8>": "Max Muster"}


async def test_it_is_redacted_by_the_configuration_that_is_in_force(tmp_path):
    values = {**load()["redact"].values, "kinds": {"PHONE_NUMBER": 0.4}}
    chosen = configuration("redact", values)
    answering = Answering(tmp_path, configured={**load(), "redact": chosen})
    answered = await answering.ask(TICKET)
    assert answered.content.startswith("opened by: Ada Lovelace\ntelephone: <PHONE_NUMBER_1>")
    assert answered.policy == chosen.digest
    await answering.world.close()


async def test_as_much_is_told_and_looked_through_as_was_asked_for(answering):
    answered = await answering.ask(TICKET, characters_max=30)
    assert answered.content == "opened by: <PERSON_1>"


@pytest.mark.parametrize("error", [Transient("no process"), Permanent("too much work")])
async def test_what_cannot_be_redacted_is_no_answer_and_its_host_is_not_blamed(tmp_path, error):
    def fails(_request):
        raise error

    answering = Answering(tmp_path, FakeAnsweringConnector({Detect: fails}))
    for _ in range(6):
        with pytest.raises(Permanent, match="ticket: what it answered can't be redacted") as told:
            await answering.ask(TICKET)
        assert "Ada" not in str(told.value)
        assert len(answering.requests) == 1, "no circuit stands before its host"
    await answering.world.close()


async def test_of_an_answer_without_content_nothing_is_asked(answering):
    assert (await answering.ask({}, status=404)).status == 404
    assert answering.detector.calls == []


async def test_without_a_redaction_no_host_is_asked():
    tools = Tools(Settings())
    async with serving(says(b"{}")) as (server, address):
        request = CallTool(tool="ticket", method="GET", url=f"{address}/t", private=True)
        with pytest.raises(Permanent, match="nobody here redacts"):
            await tools.call_tool(request, CALL)
        assert server.requests == []
    await tools.close()


@pytest.mark.slow  # loads the detector's model
async def test_the_real_detector_finds_whom_a_host_names(tmp_path):
    settings = Settings(run=tmp_path)
    answering = Answering(tmp_path, LatePresidio(settings))
    said = {"assignee": "John Smith", "mail": "john.smith@example.org", "state": "open"}
    answered = await answering.ask(said)
    assert answered.content == "assignee: <PERSON_1>\nmail: <EMAIL_ADDRESS_1>\nstate: open"
    assert set(answering.values(answered).values()) == {"John Smith", "john.smith@example.org"}
    await answering.world.close()
