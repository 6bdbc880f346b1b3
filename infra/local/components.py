"""The components of the local stack, as data: what each runs, needs and listens on."""

import base64
import secrets
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from connectors.local_files import write_secret
from infra.local import health, java
from infra.local.errors import StackError
from infra.local.ports import HOST, Ports, number_of
from infra.triton import launch as triton
from infra.triton.install import tokenizer_path

KEY_BYTES = 32
FORMAT_TIMEOUT_S = 60


@dataclass(frozen=True)
class Site:
    """Where one stack lives: its run folder, its ports, and the folders of its parts."""

    run: Path
    ports: Ports
    parts: Mapping[str, Path]

    def address(self, port: str) -> str:
        """Return host:port."""
        return f"{HOST}:{number_of(self.ports, port)}"

    def url(self, port: str, path: str = "") -> str:
        """Return an HTTP address."""
        return f"http://{self.address(port)}{path}"

    @property
    def weaviate_key_file(self) -> Path:
        """Hold the key of Weaviate's API, for this run folder only."""
        return self.run / "weaviate.key"

    def _tokenizer(self) -> str:
        part = self.parts.get("triton")
        return str(tokenizer_path(part)) if part else ""

    def description(self) -> dict[str, object]:
        """Say what a client needs to know to reach the components: `<run>/stack.json`."""
        return {
            "kafka": self.address("kafka"),
            "registry": self.url("registry", java.REGISTRY_PATH),
            "weaviate_http": self.url("weaviate"),
            "weaviate_grpc": self.address("weaviate_grpc"),
            "weaviate_key_file": str(self.weaviate_key_file),
            "triton_http": self.url("triton"),
            "triton_grpc": self.address("triton_grpc"),
            "tokenizer": self._tokenizer(),
            "gateway": self.url("gateway"),
            "ports": dict(self.ports),
            "parts": {name: str(place) for name, place in self.parts.items()},
        }


@dataclass(frozen=True)
class Launch:
    """A command, what it adds to the environment, and where it runs."""

    argv: list[str]
    environment: dict[str, str]
    folder: Path | None = None  # the run folder, unless it says otherwise


@dataclass(frozen=True)
class Component:
    """One process of the stack."""

    name: str
    launch: Callable[[Site], Launch] = field(repr=False)
    ready: Callable[[Site, int], bool] = field(repr=False)  # asked with the process id
    url: Callable[[Site], str | None] = field(repr=False)
    ports: tuple[str, ...] = ()
    part: str | None = None
    needs: tuple[str, ...] = ()  # components that must be ready before this one is started
    once: bool = False  # a task: ready when it has ended well
    grace_s: float = 10.0  # from SIGTERM to SIGKILL
    patience_s: float = 120.0  # for its first answer; loaded machines are slow


def _kafka(site: Site) -> Launch:
    part = site.parts["kafka"]
    folder = site.run / "kafka"
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    properties = folder / "server.properties"
    java.kafka_properties(properties, site.ports["kafka"], site.ports["kafka_controller"], data)
    if not (data / "meta.properties").exists():
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        formatted = subprocess.run(  # noqa: S603 - an argv of our own
            java.kafka_format(properties, cluster),
            cwd=part,
            capture_output=True,
            text=True,
            check=False,
            timeout=FORMAT_TIMEOUT_S,
        )
        if formatted.returncode:
            message = f"Kafka's storage {data} could not be formatted: {formatted.stderr.strip()}"
            raise StackError(message)
    return Launch(java.kafka(properties), {}, part)


def _registry(site: Site) -> Launch:
    folder = site.run / "registry"
    folder.mkdir(exist_ok=True)
    argv = java.registry(site.ports["registry"], folder / "registry")
    return Launch(argv, {}, site.parts["registry"])


def weaviate_key(site: Site) -> str:
    """Return the key of Weaviate's API; made once a run folder, readable by its owner only."""
    path = site.weaviate_key_file
    if not path.exists():
        write_secret(path, secrets.token_urlsafe(KEY_BYTES).encode())
    return path.read_text().strip()


def _weaviate(site: Site) -> Launch:
    data = site.run / "weaviate"
    data.mkdir(exist_ok=True)
    port = {name: str(number) for name, number in site.ports.items()}
    key = weaviate_key(site)
    environment = {
        "PERSISTENCE_DATA_PATH": str(data),
        "DEFAULT_VECTORIZER_MODULE": "none",
        "AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED": "false",
        "AUTHENTICATION_APIKEY_ENABLED": "true",
        "AUTHENTICATION_APIKEY_ALLOWED_KEYS": key,
        "AUTHENTICATION_APIKEY_USERS": "playhead",
        "AUTHORIZATION_ADMINLIST_ENABLED": "true",
        "AUTHORIZATION_ADMINLIST_USERS": "playhead",
        # a cluster of one, that talks to itself on the loopback alone
        "CLUSTER_HOSTNAME": "node1",
        "CLUSTER_ADVERTISE_ADDR": HOST,
        "CLUSTER_BIND_ADDR": HOST,
        "CLUSTER_GOSSIP_BIND_PORT": port["weaviate_gossip"],
        "CLUSTER_DATA_BIND_PORT": port["weaviate_data"],
        "CLUSTER_BASIC_AUTH_USERNAME": "playhead",
        "CLUSTER_BASIC_AUTH_PASSWORD": key,
        "RAFT_BOOTSTRAP_EXPECT": "1",
        # nobody is there to hold an election against: 1 s instead of 5 s until it leads itself
        "RAFT_TIMEOUTS_MULTIPLIER": "1",
        "RAFT_PORT": port["weaviate_raft"],
        "RAFT_INTERNAL_RPC_PORT": port["weaviate_raft_rpc"],
        "GRPC_PORT": port["weaviate_grpc"],
        "DISABLE_TELEMETRY": "true",
        # 1.35's block-max word search drops chunks written within the last minute (its PR 11780)
        "USE_INVERTED_SEARCHABLE": "false",
        "GO_PROFILING_DISABLE": "true",
        "LOG_LEVEL": "warning",
        "GOMEMLIMIT": "512MiB",
    }
    program = str(site.parts["weaviate"] / "weaviate-server")
    flags = ["--scheme", "http", "--host", HOST, "--port", port["weaviate"]]
    return Launch([program, *flags], environment)


def _triton(site: Site) -> Launch:
    port = site.ports
    argv, environment = triton.command(
        site.parts["triton"], site.run, port["triton"], port["triton_grpc"], port["triton_metrics"]
    )
    return Launch(argv, environment)


def _playhead(*words: str) -> list[str]:
    return [str(Path(sys.executable).with_name("playhead")), *words]


def _topics(_site: Site) -> Launch:
    program = (
        "from streams.settings import Settings; from streams.log.setup import prepare; "
        "prepare(Settings.load())"
    )
    return Launch([sys.executable, "-c", program], {})


def _ready_file(site: Site, name: str) -> Path:
    return site.run / f"{name}.ready"


def worker(number: int = 1) -> Component:
    """Describe a worker; the first is called `worker`, the others `worker-2` and so on."""
    name = "worker" if number == 1 else f"worker-{number}"
    port = "worker_metrics" if number == 1 else f"worker_metrics-{number}"

    def launch(site: Site) -> Launch:
        path = _ready_file(site, name)
        path.unlink(missing_ok=True)
        environment = {
            "PLAYHEAD_READY_FILE": str(path),
            "PLAYHEAD_METRICS_PORT": str(number_of(site.ports, port)),
            "PLAYHEAD_SLOT": name,  # one that died goes on with its lanes as soon as it is back
        }
        return Launch(_playhead("worker"), environment)

    return Component(
        name,
        launch,
        lambda site, pid: health.says_ready(_ready_file(site, name), pid),
        lambda site: site.url(port, "/metrics"),
        ports=(port,),
        needs=("kafka", "registry", "weaviate", "triton", "topics"),
        grace_s=20.0,  # it drains, within 10 s; what is cut short is done again at the next start
    )


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
        lambda site, _pid: health.http_ok(
            site.address("registry"), f"{java.REGISTRY_PATH}/subjects"
        ),
        lambda site: site.url("registry", java.REGISTRY_PATH),
        ports=("registry",),
        part="registry",
    ),
    Component(
        "weaviate",
        _weaviate,
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
    lambda _site: Launch(_playhead("gateway"), {}),
    lambda site, _pid: health.http_ok(site.address("gateway"), "/readyz"),
    lambda site: site.url("gateway"),
    ports=("gateway",),
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
        chosen += [worker(number) for number in range(1, workers + 1)]
    if "gateway" in names:
        chosen.append(GATEWAY)
    return tuple(chosen)
