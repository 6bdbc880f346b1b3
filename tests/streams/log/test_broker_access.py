"""How every client of the broker is let in, and what is said where it is not."""

import ast
import dataclasses
import json

import pytest
from click.testing import CliRunner
from confluent_kafka import KafkaError

from infra.settings_cli import settings as settings_verb
from streams.log.broker_access import (
    RECONNECT_MS,
    BrokerRefuses,
    aio_settings,
    check_access,
    client_settings,
    refusal,
    why_refused,
)
from streams.log.offsets import extent_of, read_offsets
from streams.log.reading import new_consumer, records
from streams.log.writing import Writer
from streams.settings import BadSetting, Settings
from tests.certificates import Authority
from tests.house import ROOT

CLIENTS = {"Consumer", "Producer", "AdminClient", "AIOKafkaConsumer", "AIOKafkaProducer",
           "AIOKafkaAdminClient"}  # fmt: skip
SPELLINGS = {"bootstrap.servers", "bootstrap_servers"}
OF_THE_LOCAL_STACK = {"infra/local/health.py"}
"""Asks whether the broker that `playhead up` has started is there: it is plain, and on this machine."""


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def files(tmp_path, authority):
    """Settings with a certificate and a password."""
    own = authority.issue("client")
    password = tmp_path / "password"
    password.write_text("hunter two\n")
    return Settings(
        kafka="broker:9093",
        kafka_security="sasl_ssl",
        kafka_ca=str(authority.file),
        kafka_certificate=str(own.certificate),
        kafka_private_key=str(own.private_key),
        kafka_user="gateway",
        kafka_password_file=str(password),
    )


# ---------------------------------------------------------------------- one place


def product_files():
    shipped = ("agents", "connectors", "edge", "evals", "infra", "replay", "streams", "worker")
    return [path for folder in shipped for path in sorted((ROOT / folder).rglob("*.py"))]


def spellings_in(path):
    text = path.read_text()
    if not any(spelling in text for spelling in SPELLINGS):
        return []
    tree = ast.parse(text)
    return [
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.Constant) and node.value in SPELLINGS)
        or (isinstance(node, ast.keyword) and node.arg in SPELLINGS)
    ]


def test_no_other_module_says_where_the_broker_is():
    told = {
        path.relative_to(ROOT).as_posix() for path in product_files() if spellings_in(path)
    } - OF_THE_LOCAL_STACK
    assert told == {"streams/log/broker_access.py"}


def clients_made_in(tree):
    """Whose constructors a module calls by the names under which it imports them."""
    libraries = {"confluent_kafka", "confluent_kafka.admin", "aiokafka", "aiokafka.admin"}
    names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in libraries
        for alias in node.names
        if alias.name in CLIENTS
    }
    called = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {node.id for node in called if isinstance(node, ast.Name)} & names


def test_every_module_that_makes_a_client_asks_what_lets_it_in():
    makers = {}
    for path in product_files():
        text = path.read_text()
        if any(client in text for client in CLIENTS) and clients_made_in(ast.parse(text)):
            makers[path.relative_to(ROOT).as_posix()] = "_settings(" in text
    assert len(makers) > 6  # the walk finds them
    assert {at for at, asks in makers.items() if not asks} == OF_THE_LOCAL_STACK


# ---------------------------------------------------------------------- from settings


def test_without_security_a_client_is_told_where_the_broker_is_and_to_look_for_it_often():
    plain = Settings(kafka="a:1,b:2", kafka_user="gateway", kafka_password_file="/nowhere")
    assert client_settings(plain) == {
        "bootstrap.servers": "a:1,b:2",
        "reconnect.backoff.max.ms": RECONNECT_MS,
    }
    assert RECONNECT_MS <= 1_000
    assert aio_settings(plain) == {"bootstrap_servers": ["a:1", "b:2"]}


def test_both_kinds_of_clients_are_let_in_by_the_same(files):
    ours = client_settings(files)
    assert ours["security.protocol"] == "sasl_ssl"
    assert ours["ssl.ca.location"] == files.kafka_ca
    assert ours["ssl.certificate.location"] == files.kafka_certificate
    assert ours["ssl.key.location"] == files.kafka_private_key
    proof = (ours["sasl.mechanism"], ours["sasl.username"], ours["sasl.password"])
    assert proof == ("SCRAM-SHA-512", "gateway", "hunter two")
    theirs = aio_settings(files)
    assert theirs["security_protocol"] == "SASL_SSL"
    assert theirs["ssl_context"].verify_mode.name == "CERT_REQUIRED"
    names = ("sasl_mechanism", "sasl_plain_username", "sasl_plain_password")
    assert tuple(theirs[name] for name in names) == proof


def test_tls_alone_names_nobody_and_a_name_alone_has_no_tls(files):
    tls = client_settings(dataclasses.replace(files, kafka_security="ssl"))
    assert "sasl.username" not in tls
    assert tls["ssl.ca.location"] == files.kafka_ca
    named = client_settings(dataclasses.replace(files, kafka_security="sasl_plaintext"))
    assert "ssl.ca.location" not in named
    assert named["sasl.username"] == "gateway"


def test_a_password_is_shown_by_no_verb(files, monkeypatch):
    for field in dataclasses.fields(files):
        if field.name.startswith("kafka"):
            monkeypatch.setenv(f"PLAYHEAD_{field.name.upper()}", getattr(files, field.name))
    shown = CliRunner().invoke(settings_verb, ["--json"])
    told = json.loads(shown.stdout)["settings"]
    assert told["PLAYHEAD_KAFKA_PASSWORD_FILE"]["value"] == files.kafka_password_file
    assert "hunter" not in shown.output


@pytest.mark.parametrize("make", [client_settings, aio_settings])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kafka_user": ""}, "needs a name and its password: set PLAYHEAD_KAFKA_USER"),
        ({"kafka_password_file": ""}, "PLAYHEAD_KAFKA_PASSWORD_FILE"),
        ({"kafka_password_file": "/nowhere"}, "PLAYHEAD_KAFKA_PASSWORD_FILE: /nowhere can't be"),
        ({"kafka_password_file": "empty"}, "empty must hold a secret"),
        ({"kafka_password_file": "binary"}, "binary must hold a secret"),
        ({"kafka_password_file": "huge"}, "huge must hold a secret"),
        ({"kafka_password_file": "lines"}, "lines must hold a secret, in one line"),
        ({"kafka_ca": "/nowhere"}, "PLAYHEAD_KAFKA_CA: /nowhere can't be read"),
        ({"kafka_ca": "empty"}, "PLAYHEAD_KAFKA_CA: .*empty is no PEM file"),
        ({"kafka_ca": "half"}, "PLAYHEAD_KAFKA_CA: .*half holds no certificates"),
        ({"kafka_certificate": ""}, "PLAYHEAD_KAFKA_PRIVATE_KEY is a key without a certificate"),
        ({"kafka_private_key": "other"}, "PLAYHEAD_KAFKA_CERTIFICATE and .* do not go together"),
    ],
)  # fmt: skip
def test_a_file_that_can_not_be_used_is_named_with_its_setting(
    files, authority, tmp_path, make, change, said
):
    contents = {"empty": b"", "binary": b"\xff\x00", "huge": b"x" * 20_000, "lines": b"a\nb",
                "half": b"-----BEGIN CERTIFICATE-----\nMIIB",
                "other": authority.issue("other").private_key.read_bytes()}  # fmt: skip
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    [(field, value)] = change.items()
    value = str(tmp_path / value) if value in contents else value
    with pytest.raises(BadSetting, match=said) as raised:
        make(dataclasses.replace(files, **{field: value}))
    assert "hunter" not in str(raised.value)


# ---------------------------------------------------------------------- what errors mean


@pytest.mark.parametrize(
    ("code", "words", "said"),
    [
        (KafkaError._SSL, "certificate verify failed: certificate has expired", "has expired"),
        (KafkaError._SSL, "certificate verify failed: hostname mismatch", "another host"),
        (KafkaError._SSL, "something new", "TLS with the broker at 127.0.0.1:9092 fails"),
        (KafkaError._TRANSPORT, "Connection refused", ""),
        (KafkaError._TIMED_OUT, "1 request(s) timed out", ""),
        (KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down", ""),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "Broker: Topic authorization failed", ""),
    ],
)  # fmt: skip
def test_only_what_is_no_outage_is_a_refusal(code, words, said):
    told = why_refused(Settings(), code, words)
    assert said in told
    assert bool(told) == bool(said)


def test_a_broker_that_is_away_refuses_nobody():
    assert refusal(Settings(kafka="127.0.0.1:9"), ask_s=0.2) == ""


# ---------------------------------------------------------------------- on a real broker


@pytest.mark.stack
def test_whoever_is_let_in_writes_and_reads(secured_broker):
    settings = secured_broker.settings()
    topic = secured_broker.new_topic()
    with Writer(settings, "test") as writer:
        [place] = writer.write_all([(topic, 0, b"acme", b"said", ())])
    consumer = new_consumer(settings, "test")
    [read] = records(consumer, [extent_of(consumer, topic, 0)])
    consumer.close()
    assert (read.value(), place.offset) == (b"said", 0)
    offsets = read_offsets(settings, {"test": [(topic, 0)]}, [(topic, 0)])
    assert offsets.extents[topic, 0].end == 1
    check_access(settings)
    own = secured_broker.authority.issue("component")
    check_access(
        dataclasses.replace(
            settings,
            kafka=secured_broker.mutual,
            kafka_security="ssl",
            kafka_certificate=str(own.certificate),
            kafka_private_key=str(own.private_key),
        )
    )


@pytest.mark.stack
def test_whoever_is_not_is_told_which_setting_is_wrong(secured_broker, tmp_path):
    wrong = tmp_path / "password"
    wrong.write_text("guessed")
    stranger = Authority(tmp_path, "stranger")
    old = secured_broker.authority.issue("old", expired=True)
    mutual = {"kafka": secured_broker.mutual, "kafka_security": "ssl"}
    settings = secured_broker.settings()
    for change, said in [
        ({"kafka_ca": str(stranger.file)}, "see PLAYHEAD_KAFKA_CA"),
        ({"kafka_ca": ""}, "see PLAYHEAD_KAFKA_CA"),
        ({"kafka_password_file": str(wrong)}, "see PLAYHEAD_KAFKA_USER and PLAYHEAD_KAFKA_PASSWORD_FILE"),
        ({"kafka_user": "nobody"}, "does not know nobody by this password"),
        ({"kafka_mechanism": "SCRAM-SHA-256"}, "see PLAYHEAD_KAFKA_MECHANISM"),
        ({"kafka_security": "plaintext"}, "speaks TLS, and PLAYHEAD_KAFKA_SECURITY=plaintext"),
        ({"kafka_security": "ssl"}, "try PLAYHEAD_KAFKA_SECURITY=sasl_ssl"),
        (mutual, "see PLAYHEAD_KAFKA_CERTIFICATE"),
        ({**mutual, "kafka_certificate": str(old.certificate),
          "kafka_private_key": str(old.private_key)}, "see PLAYHEAD_KAFKA_CERTIFICATE"),
    ]:  # fmt: skip
        with pytest.raises(BrokerRefuses) as raised:
            check_access(dataclasses.replace(settings, **change))
        assert said in str(raised.value), change


@pytest.mark.stack
def test_tls_to_a_plain_broker_is_told(running, files):
    said = "does not speak TLS, PLAYHEAD_KAFKA_SECURITY=sasl_ssl asks for it"
    assert said in refusal(dataclasses.replace(files, kafka=running.settings.kafka))
