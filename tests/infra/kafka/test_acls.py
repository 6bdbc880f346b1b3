"""What each component may do at the broker: derived from the topology, held by a real broker, and enough to work."""

import dataclasses
import json
import os
import subprocess
import sys
import time

import pytest
import yaml
from click.testing import CliRunner
from confluent_kafka import OFFSET_BEGINNING, KafkaException, Producer, TopicPartition

from infra.kafka import acls
from infra.kafka.acls_cli import acls as verb
from infra.kafka.acls_cli import apply
from schemas import (
    AnswerReleased,
    Ask,
    ConfigurationActivated,
    DocumentSubmitted,
    DocumentWithdrawn,
    EventRejected,
    InboxDocument,
    QueryRewritten,
    QuestionAsked,
    QuestionRedacted,
    SessionForked,
)
from streams.log.addressing import address_of
from streams.log.broker_access import client_settings
from streams.log.codec import open_codec
from streams.log.reading import new_consumer
from streams.log.setup import create_topics
from streams.log.writing import Writer
from streams.operations.erasures.erasure_reader import told_of_erasures
from streams.running.producer_proof import ProducerProof
from streams.topics import REQUESTS, STEPS, TOPICS, topic_of
from tests.fakes import a_codec, a_meta
from tests.house import ROOT
from tests.infra.kafka.topics_in_code import modules_from, records_in
from worker.wiring import topics_waited_for

PATIENCE_S = 60.0
REFUSED = {"TOPIC_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED"}
EDGE = {"gateway", "producer", "sources", "operator", "eraser", "retention", "exporter"}
SHARED = {
    # for many, who use some of what they name each
    *("edge/requests/building.py", "edge/listening/entries.py"),
    *("edge/listening/known_documents.py", "edge/listening/known_requests.py"),
    *("streams/log/setup.py", "streams/delivery/step_tables.py"),
    "streams/operations/erasures/holdings.py",  # the rights name FIRST and SECOND themselves
}
LETTERS = {"streams/running/admit.py", "replay/one_request.py"}
"""Dead letters are made there, and written by steps and the inbox."""
STOPPED = "worker/cancellation_follower.py"
STOPPABLE = [step.name for step in STEPS if step.stoppable]
"""The steps in whose processes it runs."""


def writers_of(topic):
    return {entry.name for entry in acls.components() if topic in entry.writes}


# ---------------------------------------------------------------------- the table


def test_an_outcome_is_written_by_its_step_alone():
    for step in STEPS:
        for record in step.writes:
            inputs = {"operator"} if any(record in one.reads for one in STEPS) else set()
            assert writers_of(topic_of(record)) == {step.name} | inputs


def test_a_request_is_written_by_the_edge_alone():
    """But a withdrawal: whoever erases a person withdraws their documents; and a fork: see below."""
    for topic in REQUESTS:
        steps = {one.name for one in STEPS} if topic.record is DocumentWithdrawn else set()
        if topic.record is not SessionForked:
            assert "gateway" in writers_of(topic.name) <= EDGE | steps


def test_who_lets_a_conversation_go_on_as_another_writes_that_and_nothing_else():
    assert writers_of(topic_of(SessionForked)) == {"forker"}
    assert acls.component("forker").writes == (topic_of(SessionForked),)
    readers = {one.name for one in acls.components() if topic_of(SessionForked) in one.reads}
    assert readers == {"redact", "rewrite", "auditor", "forker", "sealer", "operator"}


@pytest.mark.parametrize(
    ("names", "begins"),
    [
        ([step.name for step in STEPS], ["worker.cli"]),
        (["gateway"], ["edge.cli.serve", "replay.seal.answer_receipts"]),
        (["sources"], ["edge.cli.sources"]),
        (["eraser"], ["edge.cli.erase"]),
        (["retention"], ["edge.retention.retain_cli"]),
        (["exporter"], ["edge.cli.document_export"]),
        (["sealer"], ["replay.seal.audit_cli"]),
        (["forker"], ["infra.session_forks"]),
    ],
)
def test_what_a_component_names_in_its_code_it_may_read_and_what_it_makes_it_may_write(
    names, begins
):
    """All topics that its modules name; those of steps have rows, and it may do no less than they say."""
    paths = [path for path in modules_from(begins) if path.as_posix() not in SHARED]
    assert len(paths) > 20, "the walk finds them"
    for path in paths:
        named, made = records_in(path)
        if path.as_posix() in LETTERS:
            named, made = (topics - {topic_of(EventRejected)} for topics in (named, made))
        run_by = STOPPABLE if path.as_posix() == STOPPED else names
        for entry in map(acls.component, run_by):
            assert named <= {*entry.reads, *entry.writes}, (entry.name, path)
            assert made <= {*entry.writes}, (entry.name, path)


def test_who_may_choose_a_configuration_is_an_operator():
    assert writers_of(topic_of(ConfigurationActivated)) == {"operator"}


def test_every_topic_there_is_has_somebody_who_may_read_it_and_no_other_is_named():
    assert set(acls.component("auditor").reads) >= {topic.name for topic in TOPICS}
    named = {acl.name for one in acls.components() for acl in one.acls() if acl.resource == "topic"}
    assert named == set(acls.EVERY_TOPIC)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_a_worker_may_look_at_the_settings_of_all_that_it_waits_for(step):
    assert set(acls.component(step.name).checks) == topics_waited_for([step])


def test_one_that_hosts_several_steps_has_the_rights_of_each_once():
    [(principal, both)] = acls.granted(["ingest", "embed"], "User:documents").items()
    assert principal == "User:documents"
    assert set(both) == {*acls.component("ingest").acls(), *acls.component("embed").acls()}
    assert len(both) == len(set(both))


def test_the_file_is_what_the_table_says_and_never_stale(tmp_path, capsys):
    told = yaml.safe_load(acls.TARGET.read_text())["components"]
    assert set(told) == {entry.name for entry in acls.components()}
    assert told["embed"]["write"] == list(acls.component("embed").writes)
    target = tmp_path / "acls.yaml"
    assert acls.main(["--check"], target) == 1
    assert "run `python -m infra.kafka.acls`" in capsys.readouterr().err
    assert acls.main([], target) == 0
    assert acls.main(["--check"], target) == 0
    assert target.read_text() == acls.TARGET.read_text()


def test_the_verb_says_them_as_kafkas_own_tool_takes_them():
    said = CliRunner().invoke(verb, ["producer", "--principal", "User:crm"]).stdout
    assert said.count("\n") == 3
    assert "--allow-principal 'User:crm' --operation WRITE --topic playhead.question.asked" in said
    told = json.loads(CliRunner().invoke(verb, ["producer", "--json"]).stdout)
    assert not told["applied"]
    assert len(told["principals"]["User:playhead-producer"]) == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gatway"], "no component gatway: choose from ingest, "),
        (["gateway", "--principal", "crm"], "write User:crm"),
    ],
)
def test_what_there_is_not_is_refused(words, said):
    done = CliRunner().invoke(verb, words)
    assert done.exit_code == 2
    assert said in done.output


# ---------------------------------------------------------------------- a real broker


@pytest.fixture(scope="session")
def ruled_broker(secured_broker):
    """The topics of the log, and each component with a name and what it may do."""
    operator = secured_broker.settings()
    create_topics(operator)
    secured_broker.new_users([f"playhead-{entry.name}" for entry in acls.components()])
    apply(operator, acls.granted([]))
    return secured_broker


def written(broker, name, record):
    """Try to write as a component; says why not."""
    settings = broker.settings(f"playhead-{name}")
    told = []
    producer = Producer({**client_settings(settings), "log_level": 0})
    producer.produce(topic_of(record), b"x", b"acme", 0, on_delivery=lambda e, _: told.append(e))
    producer.flush(PATIENCE_S)
    return told[0] and told[0].name()


@pytest.mark.stack
def test_a_component_writes_what_is_its_own_word_and_nothing_else(ruled_broker):
    for name, record, may in [
        ("gateway", QuestionAsked, True),
        ("gateway", AnswerReleased, False),
        ("moderate", AnswerReleased, True),
        ("moderate", QuestionAsked, False),
        ("ingest", DocumentSubmitted, False),
        ("producer", EventRejected, False),
        ("inbox-producer", InboxDocument, True),
        ("inbox-producer", DocumentSubmitted, False),
        ("auditor", EventRejected, False),
        ("forker", SessionForked, True),
        ("gateway", SessionForked, False),
    ]:
        error = written(ruled_broker, name, record)
        assert (error is None) is may, (name, record.SCHEMA, error)
        assert may or error in REFUSED
    with pytest.raises(KafkaException, match="authoriz"):
        create_topics(ruled_broker.settings("playhead-gateway"))


@pytest.mark.stack
def test_a_worker_needs_no_more_than_it_may(ruled_broker, running):
    """A real worker of one step, by its own name, from its input to its outcome."""
    registry = {"registry": running.settings.registry}
    settings = ruled_broker.settings("playhead-rewrite", **registry)
    told = {"kafka", "kafka_security", "kafka_ca", "kafka_user", "kafka_password_file", "registry"}
    environment = {f"PLAYHEAD_{name.upper()}": getattr(settings, name) for name in told}
    kept = {name: text for name, text in os.environ.items() if not name.startswith("PLAYHEAD_")}
    log = ruled_broker.folder / "worker.log"
    with log.open("wb") as out:
        worker = subprocess.Popen(
            [sys.executable, "-m", "infra.cli", "worker", "--steps", "rewrite"],
            cwd=ROOT,
            env={**kept, **environment, "PLAYHEAD_RUN": str(settings.run),
                 "PLAYHEAD_PARTITIONS": str(settings.partitions)},
            stdout=out,
            stderr=out,
        )  # fmt: skip
    try:
        codec = open_codec(settings)
        question = QuestionRedacted(
            meta=a_meta(), outcome="redacted", subject="u", text="Who sails?", ask=Ask()
        )
        topic, lane, key, headers = address_of(question)
        redact = ruled_broker.settings("playhead-redact", **registry)
        with Writer(redact, "test") as writer:
            writer.write_all([(topic, lane, key, codec.encode(question), headers)])
        auditor = ruled_broker.settings("playhead-auditor", **registry)
        consumer = new_consumer(auditor, "test", **{"auto.offset.reset": "earliest"})
        consumer.assign([TopicPartition(topic_of(QueryRewritten), 0, OFFSET_BEGINNING)])
        deadline, found = time.monotonic() + PATIENCE_S, None
        while found is None:
            assert worker.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            message = consumer.poll(0.5)
            if message is not None and message.error() is None:
                found = codec.decode(message.value(), QueryRewritten)
        consumer.close()
        assert found.query == "Who sails?"
    finally:
        worker.terminate()
        worker.wait(PATIENCE_S)
    assert "authoriz" not in log.read_text().lower()
    assert "may not read" not in log.read_text(), "it follows erasures"


@pytest.mark.stack
@pytest.mark.parametrize("name", ["gateway", "eraser", "embed"])
def test_who_asks_and_who_erases_read_what_is_told_of_erasures(ruled_broker, name):
    settings = ruled_broker.settings(f"playhead-{name}")
    assert told_of_erasures(settings, a_codec(), holds=ProducerProof().holds).pending() == []


@pytest.mark.stack
def test_a_worker_that_is_not_let_in_says_why_and_ends(ruled_broker):
    settings = ruled_broker.settings("playhead-rewrite")
    wrong = ruled_broker.folder / "wrong"
    wrong.write_text("guessed")
    settings = dataclasses.replace(settings, kafka_password_file=str(wrong))
    told = {"kafka", "kafka_security", "kafka_ca", "kafka_user", "kafka_password_file"}
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli", "worker", "--steps", "rewrite"],
        cwd=ROOT,
        env={**os.environ, **{f"PLAYHEAD_{one.upper()}": getattr(settings, one) for one in told}},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 1
    assert "does not know playhead-rewrite by this password" in done.stdout + done.stderr
    assert "guessed" not in done.stdout + done.stderr
