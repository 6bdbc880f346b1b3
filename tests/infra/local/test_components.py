"""What each component is started with, over programs that only note how they were called."""

import json
import stat

import pytest

from infra.local import components, java, ports, weaviate
from infra.local.site import Site
from infra.stack_error import StackError
from schemas import QuestionAsked
from streams.topics import STEPS
from worker.wiring import chosen

NUMBERS = ports.block(20_000)
WORKERS = ["worker", "documents", "worker-2", "documents-2"]


@pytest.fixture
def site(tmp_path):
    """A run folder and parts at paths that are hard to pass on, with a Java that takes notes."""
    folder = tmp_path / "a b,c;ü"
    places = {name: folder / "parts" / name for name in ("java", "kafka", "registry", "weaviate")}
    for place in places.values():
        (place / "libs").mkdir(parents=True)
    program = places["java"] / "bin" / "java"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\necho "$LC_ALL $*" >> calls\n[ -e fail ] && { echo "no disk" >&2; exit 1; }\n'
        "touch data/meta.properties\n"
    )
    program.chmod(0o755)
    run = folder / "run"
    run.mkdir()
    return Site(run, NUMBERS, places)


def launch(site, name):
    [component] = components.select(frozenset({name}))
    return component.launch(site)


def test_storage_is_formatted_once_where_the_broker_will_look(site):
    first = launch(site, "kafka")
    again = launch(site, "kafka")
    assert first == again
    assert first.folder == site.run / "kafka"
    [call] = (first.folder / "calls").read_text().splitlines()
    assert call.startswith("C.UTF-8 ")
    assert "kafka.tools.StorageTool format --cluster-id=" in call
    assert (first.folder / "data" / "meta.properties").exists()
    text = (first.folder / java.PROPERTIES).read_text()
    assert f"listeners=PLAINTEXT://127.0.0.1:{NUMBERS['kafka']}," in text
    assert f"127.0.0.1:{NUMBERS['kafka_controller']}" in text


def test_storage_that_can_not_be_formatted_is_said_with_javas_words(site):
    (site.run / "kafka").mkdir()
    (site.run / "kafka" / "fail").touch()
    with pytest.raises(StackError, match=r"storage in .*/run/kafka could not be .*: no disk$"):
        launch(site, "kafka")


@pytest.mark.parametrize("name", ["kafka", "registry"])
def test_what_runs_on_java_gets_relative_names_and_a_locale_that_knows_all_letters(site, name):
    started = launch(site, name)
    assert started.argv[0] == str(site.parts["java"] / "bin" / "java")
    assert not any(str(site.run.parent) in word for word in started.argv[1:])
    assert started.environment == {"LC_ALL": "C.UTF-8"}
    assert started.folder == site.run / name
    assert (started.folder / "libs").resolve() == site.parts[name] / "libs"


def test_weaviate_listens_and_talks_on_the_loopback_alone(site):
    started = launch(site, "weaviate")
    assert started.argv[1:] == [
        *("--scheme", "http", "--host", "127.0.0.1", "--port", str(NUMBERS["weaviate"]))
    ]
    settings = started.environment
    assert settings["CLUSTER_ADVERTISE_ADDR"] == settings["CLUSTER_BIND_ADDR"] == "127.0.0.1"
    used = {name: value for name, value in settings.items() if "PORT" in name}
    assert sorted(used.values()) == sorted(
        str(NUMBERS[f"weaviate_{name}"]) for name in ("grpc", "gossip", "data", "raft", "raft_rpc")
    )
    assert settings["PERSISTENCE_DATA_PATH"] == str(site.run / "weaviate")


def test_the_key_of_the_index_is_made_once_and_its_owners_alone(site):
    key = weaviate.access_key(site)
    assert len(key) >= 40
    assert weaviate.access_key(site) == key
    assert stat.S_IMODE(site.weaviate_key_file.stat().st_mode) == 0o600
    settings = launch(site, "weaviate").environment
    assert settings["AUTHENTICATION_APIKEY_ALLOWED_KEYS"] == key
    assert settings["AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED"] == "false"


def test_workers_are_told_apart_by_name_port_and_slot(site):
    workers = [make(n) for n in (1, 3) for make in (components.worker, components.documents)]
    names = ["worker", "documents", "worker-3", "documents-3"]
    assert [one.name for one in workers] == names
    started = [one.launch(site).environment for one in workers]
    assert [one["PLAYHEAD_SLOT"] for one in started] == names
    behind = [int(one["PLAYHEAD_METRICS_PORT"]) - NUMBERS["worker_metrics"] for one in started]
    assert behind == [0, ports.WORKERS_MAX, 2, ports.WORKERS_MAX + 2]
    assert [components.further(name).name for name in names] == names


def test_documents_are_worked_on_in_a_process_that_gives_way(site):
    worker, documents = (make().launch(site) for make in (components.worker, components.documents))
    assert "PLAYHEAD_NICENESS" not in worker.environment
    assert int(documents.environment["PLAYHEAD_NICENESS"]) > 0
    hosted = [chosen(one.argv[one.argv.index("--steps") + 1]) for one in (worker, documents)]
    assert sorted(step.name for steps in hosted for step in steps) == sorted(
        step.name for step in STEPS
    )
    passed = {QuestionAsked}  # and what becomes of it
    for step in STEPS:
        for read, written in step.flows.items():
            if read in passed:
                passed |= set(written)
                assert step in hosted[0]
    assert not passed & {read for step in hosted[1] for read in step.reads}


def test_a_worker_that_died_is_not_taken_for_ready(site):
    ready = site.run / "worker.ready"
    ready.write_text(json.dumps({"pid": 7}))
    worker = components.worker()
    assert worker.ready(site, 7)
    assert not worker.ready(site, 8)
    worker.launch(site)
    assert not ready.exists()


@pytest.mark.parametrize(
    ("names", "started"),
    [
        ({"kafka"}, ["kafka"]),
        ({"registry", "kafka"}, ["kafka", "registry", "topics"]),
        ({"gateway", "worker"}, [*WORKERS, "gateway"]),
        (
            set(components.NAMES),
            ["kafka", "registry", "weaviate", "triton", "topics", *WORKERS, "gateway"],
        ),
    ],
)
def test_components_start_after_what_they_lean_on(names, started):
    chosen = components.select(frozenset(names), workers=2)
    assert [component.name for component in chosen] == started
    for number, component in enumerate(chosen):
        later = {other.name for other in chosen[number:]}
        assert not later & set(component.needs)


def test_an_unknown_component_is_refused_with_those_that_there_are():
    with pytest.raises(StackError, match=r"no component is called kafak; there are kafka, reg"):
        components.select(frozenset({"kafak", "kafka"}))


def test_clients_find_all_in_one_description(site):
    said = site.description()
    assert said["kafka"] == f"127.0.0.1:{NUMBERS['kafka']}"
    assert said["registry"].endswith(java.REGISTRY_PATH)
    assert said["tokenizer"] == ""  # Triton is no part of this site
    assert said["ports"] == NUMBERS
    assert json.loads(json.dumps(said)) == said
