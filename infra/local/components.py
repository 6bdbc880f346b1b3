"""The components of the local stack, as data: what each runs, needs and listens on."""

import base64
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from connectors.who_answers import CONNECTORS
from infra.local import health, java, weaviate
from infra.local.inherited import MASTER_KEY, without_secrets
from infra.local.ports import WORKERS_MAX, number_of
from infra.local.site import Launch, Site
from infra.stack_error import StackError
from infra.triton import choices
from infra.triton import launch as triton

FORMAT_TIMEOUT_S = 60
QUESTION_STEPS = "redact,rewrite,retrieve,generate,moderate"
"""Steps that a question passes."""
DOCUMENT_STEPS = "ingest,embed,index"
"""Steps that documents alone pass."""
_CLIENTS = (
    "aiokafka.admin",
    "confluent_kafka.schema_registry",
    "httpcore2",
    "opentelemetry.exporter.prometheus",
)
WORKER_LOADS = (
    *("worker.cli", *_CLIENTS),
    *("faust.app.router", "faust.assignor.leader_assignor", "faust.tables.manager"),
    *("faust.tables.globaltable", "faust.tables.sets", "faust.worker", "faust.fixups.django"),
)
"""What a worker has loaded once it is ready, much of it late; its connectors beside."""
_LOADED = {
    "worker": (*WORKER_LOADS, "connectors.providers.triton_models"),
    "gateway": (
        *("infra.gateway_verb", "edge.protocols.serving", "uvicorn.lifespan.on", *_CLIENTS),
        *("replay.recalled_prompts", "replay.seal.answer_receipts"),
    ),
}
DOCUMENTS_NICENESS = "5"  # a third of what another process gets: it must still answer the broker


@dataclass(frozen=True)
class Component:
    """One process of the stack."""

    name: str
    launch: Callable[[Site], Launch] = field(repr=False)
    ready: Callable[[Site, int], bool] = field(repr=False)  # asked with the process id
    url: Callable[[Site], str | None] = field(repr=False)
    ports: tuple[str, ...] = ()
    part: str | None = None
    verb: str | None = None  # of `playhead`, if it is one of ours
    needs: tuple[str, ...] = ()  # components that must be ready before this one is started
    once: bool = False  # a task: ready when it has ended well
    grace_s: float = 10.0  # from SIGTERM to SIGKILL
    patience_s: float = 120.0  # for its first answer; loaded machines are slow
    refuse: Callable[[Mapping[str, str]], None] = field(default=lambda _: None, repr=False)
    """Raises StackError where what the environment asks of it can't work."""


def _kafka(site: Site) -> Launch:
    folder = site.run / "kafka"
    home = site.parts["java"]
    java.lay_out(folder, site.parts["kafka"])
    java.kafka_files(folder, site.ports["kafka"], site.ports["kafka_controller"])
    if not (folder / java.DATA / "meta.properties").exists():
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        formatted = subprocess.run(  # noqa: S603 - an argv of our own
            java.kafka_format(home, cluster),
            cwd=folder,
            env={**without_secrets(os.environ), **java.ENVIRONMENT},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=FORMAT_TIMEOUT_S,
        )
        if formatted.returncode:
            message = f"Kafka's storage in {folder} could not be formatted: "
            raise StackError(message + formatted.stderr.strip())
    return Launch(java.kafka(home), java.ENVIRONMENT, folder)


def _registry(site: Site) -> Launch:
    folder = site.run / "registry"
    java.lay_out(folder, site.parts["registry"])
    java.begin_registry(folder)
    argv = java.registry(site.parts["java"], site.ports["registry"])
    return Launch(argv, java.ENVIRONMENT, folder)


def _registry_ready(site: Site, _pid: int) -> bool:
    if not health.http_ok(site.address("registry"), f"{java.REGISTRY_PATH}/subjects"):
        return False
    java.registry_is_whole(site.run / "registry")
    return True


def _triton(site: Site) -> Launch:
    folder = site.run / "triton"
    folder.mkdir(exist_ok=True)
    port = site.ports
    argv, environment = triton.command(
        site.parts["triton"], folder, port["triton"], port["triton_grpc"], port["triton_metrics"]
    )
    return Launch(argv, environment, folder)


def _verb(*words: str, environment: Mapping[str, str]) -> Launch:
    """Run `playhead WORDS`, with the key store."""
    program = str(Path(sys.executable).with_name("playhead"))
    return Launch([program, *words], dict(environment), secrets=MASTER_KEY, verb=words)


def loaded_by(verbs: Collection[str]) -> list[str]:
    """Return the modules that verbs load, most of them late: what a template of them has loaded."""
    modules = {path.partition(":")[0] for path in CONNECTORS} if "worker" in verbs else set()
    return sorted(modules.union(*(_LOADED[verb] for verb in verbs)))


def _topics(_site: Site) -> Launch:
    program = (
        "from streams.settings import Settings; from streams.log.setup import prepare; "
        "prepare(Settings.load())"
    )
    return Launch([sys.executable, "-c", program], {})


def _ready_file(site: Site, name: str) -> Path:
    return site.run / f"{name}.ready"


def worker(number: int = 1) -> Component:
    """Describe a worker of questions; the first is called `worker`, the second `worker-2`."""
    port = "worker_metrics" if number == 1 else f"worker_metrics-{number}"
    return _worker("worker", number, port, QUESTION_STEPS, {})


def documents(number: int = 1) -> Component:
    """Describe a worker of documents, named likewise.

    In a process of its own, which gives way, what it does for hours delays no question.
    """
    port = f"worker_metrics-{WORKERS_MAX + number}"
    return _worker(
        "documents", number, port, DOCUMENT_STEPS, {"PLAYHEAD_NICENESS": DOCUMENTS_NICENESS}
    )


def _worker(
    kind: str, number: int, port: str, steps: str, environment: Mapping[str, str]
) -> Component:
    name = kind if number == 1 else f"{kind}-{number}"

    def launch(site: Site) -> Launch:
        path = _ready_file(site, name)
        path.unlink(missing_ok=True)
        more = {
            "PLAYHEAD_READY_FILE": str(path),
            "PLAYHEAD_METRICS_PORT": str(number_of(site.ports, port)),
            "PLAYHEAD_SLOT": name,  # one that died goes on with its lanes as soon as it is back
        }
        return _verb("worker", "--steps", steps, environment={**more, **environment})

    return Component(
        name,
        launch,
        lambda site, pid: health.says_ready(_ready_file(site, name), pid),
        lambda site: site.url(port, "/metrics"),
        ports=(port,),
        verb="worker",
        needs=("kafka", "registry", "weaviate", "triton", "topics"),
        grace_s=20.0,  # it drains, within 10 s; what is cut short is done again at the next start
    )


def further(name: str) -> Component:
    """Describe a worker by its name."""
    kind, _, number = name.partition("-")
    return (documents if kind == "documents" else worker)(int(number or 1))


SERVICES = (
    Component(
        "kafka",
        _kafka,
        lambda site, _pid: health.kafka_ok(site.address("kafka")),
        lambda site: site.address("kafka"),
        ports=("kafka", "kafka_controller"),
        part="kafka",
        grace_s=20.0,
    ),
    Component(
        "registry",
        _registry,
        _registry_ready,
        lambda site: site.url("registry", java.REGISTRY_PATH),
        ports=("registry",),
        part="registry",
    ),
    Component(
        "weaviate",
        weaviate.launch,
        lambda site, _pid: health.http_ok(site.address("weaviate"), "/v1/.well-known/ready"),
        lambda site: site.url("weaviate"),
        ports=(
            "weaviate",
            "weaviate_grpc",
            "weaviate_gossip",
            "weaviate_data",
            "weaviate_raft",
            "weaviate_raft_rpc",
        ),
        part="weaviate",
        grace_s=20.0,
    ),
    Component(
        "triton",
        _triton,
        lambda site, _pid: health.http_ok(site.address("triton"), "/v2/health/ready"),
        lambda site: site.url("triton"),
        ports=("triton", "triton_grpc", "triton_metrics"),
        part="triton",
        grace_s=triton.EXIT_TIMEOUT_S + 3.0,
        refuse=choices.refuse,
    ),
)
TOPICS = Component(
    "topics",
    _topics,
    lambda _site, _pid: False,
    lambda _site: None,
    needs=("kafka", "registry"),
    once=True,
)
GATEWAY = Component(
    "gateway",
    lambda _site: _verb("gateway", environment={}),
    lambda site, _pid: health.http_ok(site.address("gateway"), "/readyz"),
    lambda site: site.url("gateway"),
    ports=("gateway",),
    verb="gateway",
    needs=("kafka", "registry", "weaviate", "triton", "topics"),
)
NAMES = ("kafka", "registry", "weaviate", "triton", "worker", "gateway")


def select(names: frozenset[str], workers: int = 1) -> tuple[Component, ...]:
    """Return the named components, in the order in which they start.

    Topics and schemas are created where broker and registry are both among them.
    """
    unknown = names - set(NAMES)
    if unknown:
        message = f"no component is called {', '.join(sorted(unknown))}; "
        raise StackError(message + f"there are {', '.join(NAMES)}")
    chosen = [component for component in SERVICES if component.name in names]
    if {"kafka", "registry"} <= names and find_spec("streams.log.setup"):
        chosen.append(TOPICS)
    if "worker" in names:
        numbers = range(1, workers + 1)
        chosen += [make(number) for number in numbers for make in (worker, documents)]
    if "gateway" in names:
        chosen.append(GATEWAY)
    return tuple(chosen)
