"""The containers are what `playhead up` starts."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from infra.local import components, java, parts, ports
from streams.settings import Settings

INFRA = Path(__file__).parents[2] / "infra"
PLACES = {  # where a broker listens and writes differs in a container
    "listeners",
    "advertised.listeners",
    "controller.quorum.voters",
    "log.dirs",
}


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((INFRA / "compose.yaml").read_text())


def broker_settings():
    lines = (java.KAFKA_FOLDER / "server.properties").read_text().splitlines()
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {name: value for name, value in pairs if name not in PLACES}


def test_each_component_is_a_service(compose):
    assert set(compose["services"]) == {*components.NAMES, "topics"}


@pytest.mark.parametrize(
    ("service", "image"),
    [
        ("kafka", f"apache/kafka:{parts.KAFKA_VERSION}"),
        ("registry", f"apicurio/apicurio-registry-mem:{parts.REGISTRY_VERSION}"),
        ("weaviate", f"semitechnologies/weaviate:{parts.WEAVIATE_VERSION}"),
    ],
)
def test_versions_are_those_of_the_parts(compose, service, image):
    assert compose["services"][service]["image"] == image


@pytest.mark.parametrize(("name", "value"), broker_settings().items())
def test_the_broker_is_set_up_alike(compose, name, value):
    variable = f"KAFKA_{name.replace('.', '_').upper()}"
    assert compose["services"]["kafka"]["environment"][variable] == value


def test_every_service_says_when_it_is_well_and_a_task_ends(compose):
    healthy = {name for name, service in compose["services"].items() if "healthcheck" in service}
    assert healthy == set(components.NAMES)


def test_who_needs_whom_is_as_here(compose):
    for component in (components.TOPICS, components.worker(), components.GATEWAY):
        needs = compose["services"][component.name]["depends_on"]
        assert set(needs) == set(component.needs)


@pytest.mark.parametrize("service", ["triton", "topics", "worker", "gateway"])
def test_our_processes_get_settings_that_exist(compose, service):
    known = {f"PLAYHEAD_{field.name.upper()}" for field in dataclasses.fields(Settings)}
    given = set(compose["services"][service]["environment"])
    assert given <= known | {"PLAYHEAD_READY_FILE"}


def test_only_the_edge_is_published_and_only_here(compose):
    published = {
        name: service["ports"]
        for name, service in compose["services"].items()
        if "ports" in service
    }
    assert published == {"gateway": [f"{ports.HOST}:{ports.FIRST}:8000"]}


def test_uv_has_one_version():
    lines = (INFRA / "local" / "sync").read_text().splitlines()
    [version] = [line.split("=")[1] for line in lines if line.startswith("UV_VERSION=")]
    assert f"uv=={version}" in (INFRA / "Dockerfile").read_text()
