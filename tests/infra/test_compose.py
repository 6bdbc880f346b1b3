"""The containers are what `playhead up` starts."""

import dataclasses
import re
import shlex
import tomllib
from importlib.util import find_spec
from pathlib import Path, PurePath

import click
import pytest
import yaml

from infra import container
from infra.cli import playhead
from infra.local import components, java, parts, ports
from infra.parts.part import Part
from infra.triton.install import tokenizer_path
from streams.settings import Settings

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
DOCKERFILE = (INFRA / "Dockerfile").read_text()
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
    assert set(compose["services"]) == {*components.NAMES, "documents", "topics"}


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
    assert healthy == {*components.NAMES, components.documents().name}


def test_who_needs_whom_is_as_here(compose):
    workers = components.worker(), components.documents()
    for component in (components.TOPICS, *workers, components.GATEWAY):
        needs = compose["services"][component.name]["depends_on"]
        assert set(needs) == set(component.needs)


@pytest.mark.parametrize("service", ["triton", "topics", "worker", "documents", "gateway"])
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


def ours(compose):
    """Services of our own image and the words that each runs."""
    for name, service in compose["services"].items():
        if service["image"].startswith("playhead:"):
            yield name, shlex.split(service["command"])


def test_every_command_of_ours_is_one_that_there_is(compose):
    commands = dict(ours(compose))
    assert set(commands) == {"triton", "topics", "worker", "documents", "gateway"}
    for words in commands.values():
        match words:
            case ["playhead", verb, *options]:
                command = playhead.get_command(click.Context(playhead), verb)
                command.make_context(verb, list(options))  # raises UsageError
            case ["python", "-m", module]:
                assert find_spec(module)
            case ["python", "-c", program]:
                compile(program, "compose.yaml", "exec")
                for module in re.findall(r"from (\S+) import", program):
                    assert find_spec(module)
            case _:
                pytest.fail(f"what runs {words}?")


def test_workers_host_the_same_steps_as_here(compose):
    commands = dict(ours(compose))
    assert commands["worker"][-1] == components.QUESTION_STEPS
    assert commands["documents"][-1] == components.DOCUMENT_STEPS


def test_who_tells_a_port_and_who_asks_for_it_mean_the_same(compose):
    services = compose["services"]
    settings = services["worker"]["environment"]
    assert settings["PLAYHEAD_TRITON_GRPC"] == f"triton:{container.GRPC}"
    assert f"localhost:{container.HTTP}/" in services["triton"]["healthcheck"]["test"]
    assert (
        f"--port {services['gateway']['ports'][0].rpartition(':')[2]}"
        in (services["gateway"]["command"])
    )
    assert services["worker"]["healthcheck"]["test"] == f"test -f {settings['PLAYHEAD_READY_FILE']}"
    assert settings["PLAYHEAD_GATEWAY"] == f"http://{ports.HOST}:{ports.FIRST}"


def test_data_lie_in_volumes_that_are_declared_and_in_the_folder_that_is_named(compose):
    run = dockerfile_settings()["PLAYHEAD_RUN"]
    for name, _ in ours(compose):
        service = compose["services"][name]
        assert service["environment"]["PLAYHEAD_RUN"] == run
        assert f"playhead:{run}" in service["volumes"]
    mounted = {
        volume.partition(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", ())
    }
    assert mounted == set(compose["volumes"])
    assert f"VOLUME {run}\n" in DOCKERFILE


def test_the_tokenizer_is_looked_for_where_the_image_keeps_parts(compose, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", dockerfile_settings()["XDG_CACHE_HOME"])
    for service in ("worker", "documents", "gateway"):
        [line] = [word for word in compose["services"][service]["entrypoint"] if "ls " in word]
        [pattern] = re.findall(r"ls ([^)]+)\)", line)
        part = Part("triton", "1", "digest", lambda _: None)
        assert tokenizer_path(part.place).match(pattern)


def test_the_image_is_of_this_version_and_of_its_python(compose):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name, _ in ours(compose):
        assert compose["services"][name]["image"] == f"playhead:{project['version']}"
    build = compose["services"]["worker"]["build"]
    assert (INFRA / build["context"] / build["dockerfile"]).samefile(INFRA / "Dockerfile")
    [version] = re.findall(r"^FROM python:(\d+\.\d+)-slim-bookworm$", DOCKERFILE, re.MULTILINE)
    assert project["requires-python"].startswith(f">={version},")


def test_the_image_gets_all_that_the_package_is_made_of():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = {
        "uv.lock",
        project["project"]["readme"],
        *project["project"]["license-files"],
        *project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"],
    }
    left_out = (INFRA / "Dockerfile.dockerignore").read_text().split()
    assert all((ROOT / name).exists() for name in needed)
    assert not [name for name in needed if any(PurePath(name).match(one) for one in left_out)]


def test_the_image_has_what_the_machine_must_bring_along():
    brought = {"python3.11", "python3.11-venv", "libpython3.11"}  # by the image that it stands on
    for tool in parts.all_parts()["triton"].tools:
        packages = set(tool.install.removeprefix("apt-get install ").split())
        assert all(f" {package} " in DOCKERFILE for package in packages - brought), tool.name


def dockerfile_settings():
    [line] = [line for line in DOCKERFILE.splitlines() if line.startswith("ENV ")]
    return dict(word.split("=", 1) for word in line.split()[1:])


def test_the_program_is_on_the_path_of_the_image():
    [folder] = re.findall(r"^WORKDIR (\S+)$", DOCKERFILE, re.MULTILINE)
    assert dockerfile_settings()["PATH"].startswith(f"{folder}/.venv/bin:")
    for words in re.findall(r"playhead (parts [^\n&]+)", DOCKERFILE):
        verb, *options = words.split()
        playhead.get_command(click.Context(playhead), verb).make_context(verb, options)


def test_uv_has_one_version():
    lines = (INFRA / "local" / "sync").read_text().splitlines()
    [version] = [line.split("=")[1] for line in lines if line.startswith("UV_VERSION=")]
    assert f"uv=={version}" in (INFRA / "Dockerfile").read_text()
