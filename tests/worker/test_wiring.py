"""The wiring: what a step's app has before and after it was given what it needs, and what is waited for."""

import asyncio
import socket
import threading
from collections import deque
from contextlib import contextmanager

import pytest
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from agents.errors import Permanent
from connectors.who_answers import CONNECTORS, KEYRING
from schemas import Embed, ReadTurns, Search, TableRow, Turns
from schemas.definitions import self_contained
from schemas.registry import FixedIds, RegistryAway, UnknownSchema
from streams.delivery.memory import Memory
from streams.delivery.step_tables import TABLES
from streams.log.setup import topic_configuration, wanted
from streams.log.subjects import subjects
from streams.running.world import Call
from streams.settings import Settings
from streams.topics import FOLDS, STEPS, Fold, changelog_of, step, topic, topic_of
from tests.fake_connectors import FakeKeyring, FakeTriton, FakeWeaviate
from tests.memory_broker import MemoryBroker
from tests.memory_registry import MemoryRegistry
from worker import wiring
from worker.wiring import (
    SCHEMAS_AT_ONCE,
    attach,
    chosen,
    connect,
    declare,
    factory_of,
    folding,
    host,
    known_schemas,
    log_made_ready,
    put_configurations,
    wait_for_topics,
)

CALL = Call(
    tenant="acme", lane=0, request="r-1", session="s-1", event="e-1", topic="test", offset=0
)
NAMES = ", ".join(entry.name for entry in STEPS)


def numbered():
    return FixedIds.numbered(dict.fromkeys(subjects().values()))


@pytest.fixture
def settings(tmp_path):
    return Settings(run=tmp_path / "run")


def declared(settings, name):
    return declare(settings, step(name), Memory(1_000_000))


# ------------------------------------------------------------------ configurations


def test_the_configurations_of_a_worker_are_put_on_the_log_however_late_the_broker_is():
    late, put = [KafkaException(KafkaError(KafkaError._TRANSPORT)), BufferError()], []

    def publish():
        if late:
            raise late.pop()
        put.append("all")

    with capture_logs() as lines:
        put_configurations(publish, pause_s=0)
    assert put == ["all"]
    assert len(lines) == 2
    assert all("can't be written, trying again" in line["event"] for line in lines)


def test_before_any_record_schemas_are_known_and_then_configurations_are_put(monkeypatch, settings):
    done, ids = [], numbered()

    def known(given):
        done.append(("schemas", given))
        return ids

    monkeypatch.setattr(wiring, "known_schemas", known)

    def put(writer, given, codec, configured):
        done.append(("configurations", given))
        assert codec.encode(TableRow(entries=()))[1:5] == ids.id_of("TableRow").to_bytes(4)
        assert (writer, configured) == ("its writer", None)

    @contextmanager
    def opened(given):
        done.append(("writer", given))
        yield "its writer"
        done.append(("closed", given))

    monkeypatch.setattr(wiring, "setup_writer", opened)
    monkeypatch.setattr(wiring, "publish_configuration", put)
    assert log_made_ready(settings) is ids
    assert [what for what, _ in done] == ["writer", "schemas", "configurations", "closed"]
    assert {given for _, given in done} == {settings}


# ------------------------------------------------------------------ declare, attach


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("entry", STEPS, ids=lambda entry: entry.name)
def test_to_declare_an_app_asks_nobody_and_writes_nothing(listener, tmp_path, entry):
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    settings = Settings(
        run=tmp_path / "run",
        kafka=address,
        registry=f"http://{address}",
        weaviate_http=f"http://{address}",
        weaviate_grpc=address,
        triton_grpc=address,
    )
    hosted = declare(settings, entry, Memory(1_000_000))
    with pytest.raises(BlockingIOError):
        listener.accept()
    assert not settings.run.exists()
    assert hosted.step is entry
    assert {name: type(table) for name, table in hosted.tables.items()} == {
        name: TABLES[name] for name in entry.tables
    }


async def test_attached_steps_ask_connectors_and_the_tables_of_their_neighbours(settings):
    keyring = FakeKeyring()
    hosted = [declared(settings, name) for name in ("rewrite", "retrieve")]
    whole = attach(
        settings, hosted, [keyring, FakeTriton(), FakeWeaviate()], keyring, ids=numbered()
    )
    assert whole.steps is hosted
    assert whole.world.timeout_s == settings.call_timeout_s
    assert (await whole.world.ask(Embed(texts=("a", "b"), kind="query"), CALL)).model == "fake"
    assert (await whole.world.ask(ReadTurns(limit=3), CALL)).turns == ()


def test_each_table_is_given_one_codec_that_knows_the_schema_ids(settings):
    hosted = [declared(settings, name) for name in ("moderate", "rewrite")]
    keyring = FakeKeyring()
    attach(settings, hosted, [keyring], keyring, ids=numbered())
    one, other = (table._codec for entry in hosted for table in entry.tables.values())
    assert one is other
    turns = Turns(turns=())
    assert one.decode(one.encode(turns), Turns) == turns


async def test_what_no_connector_of_the_worker_answers_is_refused(settings):
    keyring = FakeKeyring()
    whole = attach(
        settings, [declared(settings, "embed")], [keyring, FakeTriton()], keyring, ids=numbered()
    )
    with pytest.raises(Permanent, match="no connector answers"):
        await whole.world.ask(Search(text="a", vector=b"", limit=1), CALL)
    with pytest.raises(Permanent, match="no connector answers"):
        await whole.world.ask(ReadTurns(limit=1), CALL)


def test_a_worker_without_a_keyring_is_not_made(settings):
    with pytest.raises(AttributeError, match="digest_key"):
        attach(settings, [declared(settings, "moderate")], [], None, ids=numbered())


def test_the_steps_of_a_process_share_its_memory(settings):
    keyring = FakeKeyring()
    whole = host(settings, [step("embed"), step("index")], [keyring], keyring, numbered())
    first, second = (one.app.memory for one in whole.steps)
    assert first is second


# ------------------------------------------------------------------ connect


class FakeFactories:
    """Makes for each path a text, or raises what is foreseen for it first; what is made is the caller's to use."""

    def __init__(self, **errors):
        self.errors = {path: deque(raised) for path, raised in errors.items()}
        self.made = []

    def __call__(self, path):
        def make(settings):
            if self.errors.get(path):
                raise self.errors[path].popleft()
            self.made.append((path, settings))
            return f"made {path}"

        return make


@pytest.mark.parametrize(
    ("names", "paths"),
    [
        ((), [KEYRING]),
        (("moderate",), [KEYRING, "connectors.triton.moderator:Moderator"]),
        (("rewrite",), [KEYRING]),
        (("embed",), [KEYRING, "connectors.triton:Triton"]),
        (("index",), [KEYRING, "connectors.weaviate:Weaviate"]),
        (
            ("retrieve", "embed"),
            [KEYRING, "connectors.triton:Triton", "connectors.weaviate:Weaviate"],
        ),
        (tuple(entry.name for entry in STEPS), list(CONNECTORS)),
    ],
)
def test_only_what_the_steps_ask_is_made_and_once(settings, names, paths):
    factories = FakeFactories()
    made, keyring = connect(settings, [step(name) for name in names], factories)
    assert factories.made == [(path, settings) for path in paths]
    assert made == [f"made {path}" for path in paths]
    assert keyring == f"made {KEYRING}"


def test_a_connector_that_cannot_be_made_is_tried_again_and_told_of(settings):
    late = "connectors.weaviate:Weaviate"
    factories = FakeFactories(**{late: [OSError("no key file"), ValueError("half a key")]})
    with capture_logs() as logged:
        made, _ = connect(settings, [step("index")], factories, pause_s=0)
    assert made == [f"made {KEYRING}", f"made {late}"]
    assert [(line["connector"], line["reason"], line["log_level"]) for line in logged] == [
        (late, "OSError: no key file", "warning"),
        (late, "ValueError: half a key", "warning"),
    ]
    assert [path for path, _ in factories.made] == [KEYRING, late], "the keyring was made once"


@pytest.mark.parametrize("factory", [FakeFactories(), factory_of], ids=["fake", "real"])
def test_what_makes_a_connector_of_a_path_takes_the_settings(settings, factory):
    assert factory(KEYRING)(settings)
    assert factory(KEYRING)(settings=settings)


@pytest.mark.parametrize("path", [KEYRING, "connectors.triton:Triton"])
def test_a_path_of_the_table_is_imported(path):
    module, _, name = path.partition(":")
    assert factory_of(path).__name__ == name
    assert factory_of(path).__module__.startswith(f"{module}.")


# ------------------------------------------------------------------ known_schemas


@pytest.fixture
def registry():
    """One that knows our schemas."""
    ids = {record: number for number, record in enumerate(subjects().values(), start=1)}
    return MemoryRegistry({number: self_contained(record) for record, number in ids.items()}, ids)


def test_all_our_schemas_are_looked_up_at_once(settings, registry):
    opened = []
    with capture_logs() as logged:
        assert known_schemas(settings, lambda of: opened.append(of) or registry) is registry
    assert opened == [settings]
    ids = {registry.id_of(record) for record in subjects().values()}
    assert ids <= set(registry.asked)
    assert logged == []


def test_schemas_are_looked_up_side_by_side_once_the_registry_has_answered(settings, registry):
    several, id_of, asked = threading.Barrier(SCHEMAS_AT_ONCE), registry.id_of, []

    def held_up(record):
        asked.append(record)
        if 1 < len(asked) <= 1 + SCHEMAS_AT_ONCE:
            several.wait(20)
        return id_of(record)

    registry.id_of = held_up
    known_schemas(settings, lambda _: registry, pause_s=0)
    assert sorted(asked) == sorted(set(subjects().values()))


def test_one_schema_that_is_not_known_has_the_others_wait_for_the_next_try(settings, registry):
    id_of, failed = registry.id_of, []
    last = max(subjects().values())

    def lagging(record):
        if record == last and not failed:
            failed.append(record)
            raise UnknownSchema("not yet")
        return id_of(record)

    registry.id_of = lagging
    with capture_logs() as logged:
        known_schemas(settings, lambda _: registry, pause_s=0)
    assert [line["reason"] for line in logged] == ["UnknownSchema: not yet"]


def test_a_registry_that_is_away_is_waited_for_and_told_of(settings, registry):
    registry.errors.extend([RegistryAway("it does not answer"), UnknownSchema("run `playhead up`")])
    with capture_logs() as logged:
        known_schemas(settings, lambda _: registry, pause_s=0)
    assert [line["reason"] for line in logged] == [
        "RegistryAway: it does not answer",
        "UnknownSchema: run `playhead up`",
    ]
    assert {line["event"] for line in logged} == {"waiting for the registry"}
    assert {line["registry"] for line in logged} == {settings.registry}
    assert set(subjects().values()) <= set(registry.asked)


# ------------------------------------------------------------------ wait_for_topics


def a_broker(*topics):
    """A broker with some topics, as they must be."""
    broker = MemoryBroker()
    needed = {topic.topic: topic for topic in wanted(Settings())}
    made = broker.admin().create_topics([needed[name] for name in topics if name in needed])
    assert set(made) == set(topics) & set(needed)
    return broker


def topics_of_step(name):
    entry = step(name)
    folded = [fold.reads for fold in FOLDS if fold.beside == name]
    named = [topic_of(record) for record in (*entry.reads, *entry.writes, *folded)]
    return sorted([*named, *(changelog_of(table) for table in entry.tables)])


@pytest.mark.parametrize("entry", STEPS, ids=lambda entry: entry.name)
async def test_each_topic_of_a_step_is_waited_for_and_no_other(settings, entry):
    everything = topics_of_step(entry.name)
    broker = a_broker(*everything)
    broker.unseen.extend({missing} for missing in everything)
    with capture_logs() as logged:
        await wait_for_topics(settings, [entry], broker.admin(), pause_s=0)
    assert [line["reason"] for line in logged] == [
        f"no topic {missing} (and 0 more): run `playhead up`" for missing in everything
    ]
    assert not broker.unseen


async def test_of_several_missing_topics_the_first_is_named_and_the_others_counted(settings):
    needed = sorted({*topics_of_step("embed"), *topics_of_step("index")})
    broker = a_broker(*needed, "other")
    broker.unseen.append({*needed, "other"})
    with capture_logs() as logged:
        await wait_for_topics(settings, [step("embed"), step("index")], broker.admin(), pause_s=0)
    [line] = logged
    assert line["reason"] == f"no topic {needed[0]} (and {len(needed) - 1} more): run `playhead up`"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("max.message.bytes", "500000", "must be at least 1048192"),
        ("retention.ms", "604800000", "must be -1"),
        ("retention.bytes", "1000000", "must be -1"),
        ("cleanup.policy", "compact,delete", "must be delete"),
    ],
)
async def test_a_topic_that_would_lose_records_or_refuse_them_is_told_until_it_is_mended(
    settings, name, value, said
):
    [first, *_] = needed = topics_of_step("embed")
    broker = a_broker(*needed)
    broker.settings[first][name] = value
    waiting = asyncio.create_task(
        wait_for_topics(settings, [step("embed")], broker.admin(), pause_s=0)
    )
    with capture_logs() as logged:
        while not logged:  # noqa: ASYNC110 - each turn lets it look
            await asyncio.sleep(0)
    assert f"{first} has {name}={value}, it {said}: change it with" in logged[0]["reason"]
    assert not waiting.done()
    broker.settings[first].pop(name)
    broker.settings[first].update(topic_configuration(topic(first), 1))
    await waiting


async def test_a_topic_with_another_number_of_lanes_is_told(settings):
    needed = topics_of_step("embed")
    broker = a_broker(*needed)
    broker.create(needed[0], settings.partitions + 1)
    waiting = asyncio.create_task(
        wait_for_topics(settings, [step("embed")], broker.admin(), pause_s=0)
    )
    with capture_logs() as logged:
        while not logged:  # noqa: ASYNC110 - each turn lets it look
            await asyncio.sleep(0)
    waiting.cancel()
    assert "set PLAYHEAD_PARTITIONS to it" in logged[0]["reason"]


async def test_a_broker_that_is_away_is_waited_for_and_named(settings):
    broker = a_broker(*topics_of_step("embed"))
    broker.errors.append(KafkaException(KafkaError(KafkaError._TRANSPORT)))
    with capture_logs() as logged:
        await wait_for_topics(settings, [step("embed")], broker.admin(), pause_s=0)
    [line] = logged
    assert line["event"] == "waiting for the log"
    assert line["reason"].startswith(f"no broker at {settings.kafka}: ")


async def test_what_is_no_error_of_the_broker_is_not_waited_out(settings):
    broker = a_broker()
    broker.errors.append(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await wait_for_topics(settings, [step("embed")], broker.admin(), pause_s=0)


# ------------------------------------------------------------------ folding, chosen


@pytest.mark.parametrize("fold", FOLDS, ids=lambda fold: fold.name)
def test_each_fold_has_a_function_of_its_table(settings, fold):
    tables = declared(settings, fold.beside).tables
    assert folding(fold, tables).__self__ is tables[fold.table]


@pytest.mark.parametrize(("name", "table"), [("forget", "sessions"), ("remember", "documents")])
def test_a_fold_without_a_function_is_named_with_where_to_give_it_one(settings, name, table):
    tables = {**declared(settings, "rewrite").tables, **declared(settings, "ingest").tables}
    fold = Fold(name, beside="rewrite", reads=FOLDS[0].reads, table=table)
    with pytest.raises(KeyError, match=f"no function for the fold {name}: see worker/wiring.py"):
        folding(fold, tables)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (None, [entry.name for entry in STEPS]),
        ("embed", ["embed"]),
        ("index,embed", ["index", "embed"]),
        (" index , embed ,", ["index", "embed"]),
        ("", []),
        (" , ,", []),
    ],
)
def test_steps_are_chosen_by_name_in_the_order_given(words, names):
    assert [entry.name for entry in chosen(words)] == names


@pytest.mark.parametrize(
    ("words", "wrong"), [("nonsense", "nonsense"), ("embed,Index", "Index"), ("a b", "a b")]
)
def test_a_wrong_name_is_told_with_the_steps_there_are(words, wrong):
    with pytest.raises(KeyError) as refused:
        chosen(words)
    assert refused.value.args[0] == f"no step {wrong}: choose from {NAMES}"
