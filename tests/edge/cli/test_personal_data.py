"""`playhead personal-data`: digests for lists, and documents with their values."""

from __future__ import annotations

import json

import click
import pytest
from confluent_kafka import KafkaError, KafkaException

from agents.placeholders import canonical
from connectors.keyring import Keyring
from edge.callers.api_keys import ApiKeys, keys_path
from edge.cli.document_export import DocumentExport
from edge.cli.personal_data import allowed, personal_data
from edge.requests.identity import Identities
from schemas import (
    Batch,
    ChunksRedacted,
    DocumentRef,
    Manifest,
    MapEntry,
    RedactedChunk,
    TextRestored,
)
from streams.log.addressing import address_of
from streams.settings import Settings
from streams.topics import topic_of
from tests.agents.policies.policies import OPEN
from tests.edge.callers.test_restore_policy import followed
from tests.edge.cli.running import run
from tests.fakes import a_codec, a_meta
from tests.memory_broker import MemoryConsumer, MemoryWriter, a_broker

CODEC = a_codec()


def digest_in(folder, value):
    return Keyring(Settings(run=folder)).digest("acme", canonical(value).encode())


def digested(folder, content, *options):
    path = folder / "names.txt"
    path.write_bytes(content)
    return run(personal_data, "digest", "--tenant", "acme", path, *options)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PLAYHEAD_RUN", str(tmp_path))
    return tmp_path


def test_each_value_has_the_digest_that_redaction_knows_it_by(folder):
    done = digested(folder, "Anna  Schmidt\n\nZoë Müller\nANNA SCHMIDT\n".encode())
    assert done.exit_code == 0, done.output
    values = ("Anna Schmidt", "Zoë Müller", "Zoe Muller")
    assert done.stdout.splitlines() == [digest_in(folder, value)[:24] for value in values]
    as_json = digested(folder, b"Anna Schmidt", "--json")
    assert json.loads(as_json.stdout) == {"digests": [digest_in(folder, "Anna Schmidt")[:24]]}
    assert digested(folder, b"").stdout == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"Anna\nAnna Maria von und zu", "line 2 has 5 words"),
        (b"-", "line 1 has 0 words"),
        (b"Anna\xff", "no UTF-8"),
    ],
)
def test_what_can_not_be_compared_is_told_without_its_value(folder, content, said):
    done = digested(folder, content)
    assert done.exit_code == 1
    assert said in done.output
    assert "Maria" not in done.output


def test_a_tenant_that_can_be_none_is_wrong_usage(folder):
    done = run(personal_data, "digest", "--tenant", "a b", "/dev/null")
    assert done.exit_code == 2


class Exporting:
    """A document of two chunks on a log in memory, in a group, with three values."""

    def __init__(self, folder):
        self.settings = Settings(run=folder)
        self.keyring = Keyring(self.settings)
        self.keys = ApiKeys(keys_path(self.settings))
        self.broker = a_broker()
        self.writer = MemoryWriter(self.broker)
        self.identities = Identities(self.broker.partitions)
        self.identity = self.identities.of_known_document("acme", "d")
        self.put(self.chunks(), "acme")
        other = self.chunks()
        self.put(other, "tern")
        self.broker.put(topic_of(ChunksRedacted), b"no record", key=b"acme", partition=self.lane)

    @property
    def lane(self):
        return self.identity.lane

    def chunks(self):
        entries = [
            self.entry("<PERSON_1>", "PERSON", "Ada"),
            self.entry("<PERSON_2>", "PERSON", "Bob"),
            self.entry("<AGE_1>", "AGE", "42"),
        ]
        text = "<PERSON_1>, <AGE_1>, of <_PERSON_1>"
        chunks = (
            RedactedChunk(id="a", number=0, text=text, tokens=1, entries=(entries[0], entries[2])),
            RedactedChunk(id="b", number=1, text="by <PERSON_2>", tokens=1, entries=(entries[1],)),
        )
        return ChunksRedacted(
            meta=a_meta(lane=self.lane, session="d"),
            document=DocumentRef(document="d", version=3, uri="u", groups=("hr",)),
            batch=Batch(number=0, last=True),
            outcome="redacted",
            chunks=chunks,
            manifest=Manifest(
                checksum="", parser="", parser_version="", policy="", chunks=("a", "b")
            ),
        )

    def entry(self, name, kind, value):
        digest = self.keyring.digest("acme", canonical(value).encode())
        sealed = self.keyring.seal("acme", f"value/{digest}", "e", "f", value.encode())
        return MapEntry(placeholder=name, kind=kind, digest=digest, value=sealed)

    def put(self, event, tenant):
        topic, partition, _, headers = address_of(event)
        self.broker.put(
            topic, CODEC.encode(event), key=tenant.encode(), partition=partition, headers=headers
        )

    def caller(self, scopes="read,restore", groups=("hr",), tenant="acme"):
        _, secret = self.keys.create(tenant, user="eve", scopes=scopes.split(","), groups=groups)
        return allowed("acme", secret, self.settings, self.keyring)

    def export(self, caller, document="d", policy=None):
        consumer = MemoryConsumer(self.broker)
        exports = DocumentExport(
            CODEC, consumer, self.writer, self.keyring, self.identities, policy
        )
        return exports.export(caller, document, "audit 12")[1]

    def told(self):
        rows = self.broker.rows[topic_of(TextRestored), self.lane]
        return [CODEC.decode(one.value(), TextRestored) for one in rows.messages]


@pytest.fixture
def exporting(folder):
    return Exporting(folder)


def test_a_document_is_restored_and_the_log_says_who_saw_which_values(exporting):
    caller = exporting.caller()
    text = exporting.export(caller)
    assert [said for _, said in text.chunks] == ["Ada, 42, of <PERSON_1>", "by Bob"]
    [told] = exporting.told()
    assert (told.document, told.version, told.reason) == ("d", 3, "audit 12")
    assert (told.subject, told.key) == (caller.subject, caller.key)
    assert told.kinds == ("AGE", "PERSON")
    assert set(told.digests) == {
        exporting.keyring.digest("acme", value) for value in (b"ada", b"bob", b"42")
    }
    assert b"Ada" not in CODEC.encode(told)
    assert exporting.export(caller) == text
    assert len({one.meta.id for one in exporting.told()}) == 2


def test_only_kinds_of_the_keys_scopes_are_shown_and_what_is_erased_is_not(exporting):
    digest = exporting.keyring.digest("acme", b"ada")
    exporting.keyring.destroy("acme", f"value/{digest}")
    text = exporting.export(exporting.caller("read,restore:PERSON"))
    assert [said for _, said in text.chunks] == ["<PERSON_1>, <AGE_1>, of <PERSON_1>", "by Bob"]
    assert text.hidden == 2
    [told] = exporting.told()
    assert (told.kinds, len(told.digests)) == (("PERSON",), 1)


@pytest.mark.parametrize(
    ("groups", "document"), [((), "d"), (("it",), "d"), (("hr",), "nothing"), (("hr",), "")]
)
def test_a_document_that_a_key_may_not_read_is_as_unknown_as_one_that_there_is_not(
    exporting, groups, document
):
    with pytest.raises(click.ClickException, match="no document"):
        exporting.export(exporting.caller(groups=groups), document)
    assert exporting.told() == []


def test_a_document_that_the_policy_hides_from_a_key_is_not_handed_out(exporting):
    rules = OPEN + (
        'forbid(principal, action == Action::"read", resource)\n'
        'when { resource.uri == "u" } unless { principal in Group::"acme/audit" };\n'
    )
    with pytest.raises(click.ClickException, match="no document"):
        exporting.export(exporting.caller("read,write,restore"), policy=followed(rules))
    assert exporting.told() == []
    auditor = exporting.caller(groups=("hr", "audit"))
    assert exporting.export(auditor, policy=followed(rules)).shown


@pytest.mark.parametrize(
    ("scopes", "tenant", "said"),
    [
        ("read,write", "acme", "scope restore"),
        ("restore", "acme", "scope read"),
        ("read,restore", "tern", "another tenant"),
    ],
)
def test_a_key_without_the_scope_or_of_another_tenant_gets_nothing(exporting, scopes, tenant, said):
    with pytest.raises(click.ClickException, match=said):
        exporting.caller(scopes, tenant=tenant)
    with pytest.raises(click.ClickException, match="unknown"):
        allowed("acme", "ph_nothing", exporting.settings, exporting.keyring)


def test_nothing_is_shown_where_the_log_does_not_take_the_record(exporting):
    exporting.writer.refusal = KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION))
    with pytest.raises(KafkaException):
        exporting.export(exporting.caller())


def test_without_a_broker_the_verb_says_so_and_shows_nothing(exporting, monkeypatch):
    monkeypatch.setenv("PLAYHEAD_KAFKA", "127.0.0.1:1")
    monkeypatch.setattr("streams.log.offsets.ANSWER_TIMEOUT_S", 0.1)
    _, secret = exporting.keys.create("acme", user="eve", scopes=["read", "restore"])
    done = run(personal_data, "export", "--tenant", "acme", "d", "--key", secret)
    assert done.exit_code == 1
    assert "nothing is shown" in done.output


@pytest.mark.parametrize("reason", ["a\nb", "x" * 201])
def test_a_reason_is_a_line(exporting, reason):
    done = run(personal_data, "export", "--tenant", "acme", "d", "--key", "k", "--reason", reason)
    assert done.exit_code == 2
