"""The brokers of a run as components of its stack: one as `playhead up` starts it, or several that copy each other.

Each has a listener of its own for workers. What it tells a client of itself there is the address of the link before it, so
that no client finds a way round the link.
"""

import base64
import os
import subprocess
import uuid
from dataclasses import replace
from enum import IntEnum
from pathlib import Path

from infra.local import components, health, java
from infra.local.components import Component
from infra.local.inherited import without_secrets
from infra.local.ports import HOST
from infra.local.site import Launch, Site

FORMAT_TIMEOUT_S = 120
HOUR_MS = 3_600_000
BROKERS_MAX = 3
IN_SYNC = 2  # copies that must have a record before it is acknowledged, where there are three
[STOCK] = [component for component in components.SERVICES if component.name == "kafka"]


class Listener(IntEnum):
    """What listens for or before a broker."""

    DIRECT = 0
    """The broker, for the harness and the other brokers."""
    WORKERS = 1
    """The broker, for what comes through its link."""
    LINK = 2
    """The link, for the workers."""
    CONTROLLER = 3


def name_of(number: int) -> str:
    """Name a broker: `kafka`, `kafka-2`, …"""
    return "kafka" if number == 1 else f"kafka-{number}"


def port_of(site: Site, number: int, listener: Listener) -> int:
    """Return a port out of those that a stack keeps for further workers."""
    if number == 1 and listener is Listener.DIRECT:
        return site.ports["kafka"]
    return site.ports["worker_metrics"] + 1 + (number - 1) * len(Listener) + listener


def proxy_port_of(site: Site) -> int:
    """Return the port of what stands before the registry: behind those of the brokers."""
    return port_of(site, BROKERS_MAX + 1, Listener.DIRECT)


def addresses(site: Site, brokers: int, listener: Listener) -> str:
    """Spell where all brokers are, for a client."""
    return ",".join(f"{HOST}:{port_of(site, n, listener)}" for n in range(1, brokers + 1))


def cluster(brokers: int, *, linked: bool) -> tuple[Component, ...]:
    """Describe the brokers of one cluster."""
    identity = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return tuple(_broker(n, brokers, identity, linked=linked) for n in range(1, brokers + 1))


def _broker(number: int, brokers: int, identity: str, *, linked: bool) -> Component:
    def launch(site: Site) -> Launch:
        folder = site.run / name_of(number)
        ports = [port_of(site, number, of) for of in (Listener.DIRECT, Listener.CONTROLLER)]
        java.lay_out(folder, site.parts["kafka"])
        java.kafka_files(folder, *ports)
        with (folder / java.PROPERTIES).open("a", encoding="ascii") as properties:
            properties.write(_properties(site, number, brokers, linked=linked))
        if not (folder / java.DATA / "meta.properties").exists():
            _format(site, folder, identity)
        return Launch(java.kafka(site.parts["java"]), java.ENVIRONMENT, folder)

    def ready(site: Site, _pid: int) -> bool:
        return health.kafka_ok(f"{HOST}:{port_of(site, number, Listener.DIRECT)}")

    return replace(STOCK, name=name_of(number), launch=launch, ready=ready, ports=())


def _format(site: Site, folder: Path, identity: str) -> None:
    subprocess.run(
        java.kafka_format(site.parts["java"], identity),
        cwd=folder,
        env={**without_secrets(os.environ), **java.ENVIRONMENT},
        capture_output=True,
        check=True,
        timeout=FORMAT_TIMEOUT_S,
    )


def _properties(site: Site, number: int, brokers: int, *, linked: bool) -> str:
    """Return what differs from the stock file; of a name that stands there twice the last one counts."""
    direct, workers, link, controller = (port_of(site, number, listener) for listener in Listener)
    voters = ",".join(
        f"{n}@{HOST}:{port_of(site, n, Listener.CONTROLLER)}" for n in range(1, brokers + 1)
    )
    listeners = {"PLAINTEXT": direct, "WORKERS": workers, "CONTROLLER": controller}
    advertised = {"PLAINTEXT": direct, "WORKERS": link if linked else workers}
    lines = {
        "node.id": number,
        "controller.quorum.voters": voters,
        "listeners": _spelled(listeners),
        "advertised.listeners": _spelled(advertised),
        "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in listeners),
        "inter.broker.listener.name": "PLAINTEXT",
        # a retention that is shortened for a moment must not take what no step has read
        "log.retention.check.interval.ms": HOUR_MS,
        "log.initial.task.delay.ms": HOUR_MS,
    }
    if brokers > 1:
        lines |= {
            "default.replication.factor": brokers,
            "offsets.topic.replication.factor": brokers,
            "transaction.state.log.replication.factor": brokers,
            "share.coordinator.state.topic.replication.factor": brokers,
            "min.insync.replicas": IN_SYNC,
            "transaction.state.log.min.isr": IN_SYNC,
            "share.coordinator.state.topic.min.isr": IN_SYNC,
        }
    return "".join(f"{name}={value}\n" for name, value in lines.items())


def _spelled(ports: dict[str, int]) -> str:
    return ",".join(f"{name}://{HOST}:{port}" for name, port in ports.items())
