"""The wiring: which connectors the hosted steps need, and one Faust app a step.

Faust's apps, their agents and tables are made here and in the runner; no other module knows them.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from schemas.registry import Registry
from streams.delivery.runner import FoldFunction, Runner, Services
from streams.delivery.tables import TABLES, Sessions, Table
from streams.delivery.transport import App, Memory, new_app
from streams.log.codec import Codec
from streams.log.configuration import load
from streams.log.subjects import subjects
from streams.running.world import Connector, World
from streams.settings import Settings
from streams.topics import FOLDS, Fold, Step, step
from streams.watching.logs import logger

log = logger("app")

APP = "playhead-{}"
"""Consumer group and Faust app of a step."""

CONNECTORS = {
    "connectors.keyring:Keyring": None,
    "connectors.documents:Documents": {"ingest", "generate"},
    "connectors.presidio:Presidio": {"redact"},
    "connectors.triton:Triton": {"embed", "rewrite", "retrieve", "generate"},
    "connectors.weaviate:Weaviate": {"index", "retrieve", "generate"},
}
"""Connector -> the steps that ask it (None: all). Imported only then: some take seconds to load."""

CONNECT_PAUSE_S = 2.0


@dataclass
class Hosted:
    """A step that this process hosts."""

    step: Step
    app: App
    runner: Runner


@dataclass
class Host:
    """Everything that one worker process runs."""

    steps: Sequence[Hosted]
    world: World


def connect(settings: Settings, names: Sequence[str]) -> tuple[list[Connector], Any]:
    """Make the connectors that the steps need; return them and the keyring among them.

    Tries again, with a line in the log, until all can be made: a worker must not die because
    another component is late. (They connect when they are first asked.)
    """
    made: list[Connector] = []
    keyring: Any = None
    for path, users in CONNECTORS.items():
        if users is not None and users.isdisjoint(names):
            continue
        module, attribute = path.split(":")
        factory = getattr(importlib.import_module(module), attribute)
        while True:
            try:
                connector = factory(settings)
                break
            except Exception as error:  # noqa: BLE001 - whatever it is, it is said and tried again
                reason = f"{type(error).__name__}: {error}"
                log.warning(
                    "a connector can't be made, trying again", connector=path, reason=reason
                )
                time.sleep(CONNECT_PAUSE_S)
        made.append(connector)
        if attribute == "Keyring":
            keyring = connector
    return made, keyring


def known_schemas(settings: Settings) -> Registry:
    """Look up the ids of all our schemas now, so that no event waits for the registry.

    Tries again, with a line in the log, until the registry answers and knows them.
    """
    registry = Registry(settings.registry)
    registry.expect(subjects())
    while True:
        try:
            for record in sorted(set(subjects().values())):
                registry.definition_of(registry.id_of(record))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is said and tried again
            reason = f"{type(error).__name__}: {error}"
            log.warning("waiting for the registry", registry=settings.registry, reason=reason)
            time.sleep(CONNECT_PAUSE_S)
        else:
            return registry


def host(
    settings: Settings,
    steps: Sequence[Step],
    connectors: Sequence[Connector] | None = None,
    keyring: Any = None,
) -> Host:
    """Build the apps of some steps; connectors are made here unless they are given."""
    if connectors is None:
        connectors, keyring = connect(settings, [entry.name for entry in steps])
    codec = Codec(known_schemas(settings))
    memory = Memory(settings.memory_mb * 1_000_000)
    apps = {entry.name: new_app(APP.format(entry.name), settings, memory) for entry in steps}
    tables: dict[str, Table] = {
        name: TABLES[name](apps[entry.name], codec, settings)
        for entry in steps
        for name in entry.tables
    }
    world = World((*connectors, *tables.values()), settings.call_timeout_s)
    services = Services(
        settings=settings,
        codec=codec,
        world=world,
        digest_key=keyring.digest_key,
        configurations=load(),
    )
    hosted = []
    for entry in steps:
        app = apps[entry.name]
        folds = {fold: folding(fold, tables) for fold in FOLDS if fold.beside == entry.name}
        ours = [tables[name] for name in entry.tables]
        hosted.append(Hosted(entry, app, Runner(app, entry, services, folds, ours)))
    return Host(hosted, world)


def folding(fold: Fold, tables: dict[str, Table]) -> FoldFunction:
    """Return the function behind a fold."""
    table = tables[fold.table]
    if fold.name == "remember" and isinstance(table, Sessions):
        return table.remember
    raise KeyError(f"no function for the fold {fold.name}: see worker/wiring.py")


def chosen(names: str | None) -> tuple[Step, ...]:
    """Read a comma-separated list of steps; None for all. Raises KeyError that lists the steps."""
    from streams.topics import STEPS

    if names is None:
        return STEPS
    return tuple(step(name.strip()) for name in names.split(",") if name.strip())


async def wait_for_topics(settings: Settings, steps: Sequence[Step]) -> None:
    """Wait until the broker has the topics of the steps, with a line in the log."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    from streams.topics import changelog_of, topic_of

    needed = {topic_of(record) for entry in steps for record in (*entry.reads, *entry.writes)}
    needed |= {changelog_of(table) for entry in steps for table in entry.tables}
    admin = AdminClient({"bootstrap.servers": settings.kafka, "log_level": 0})
    while True:
        try:
            found = await asyncio.to_thread(admin.list_topics, timeout=5)
            missing = sorted(needed - set(found.topics))
            if not missing:
                return
            reason = f"no topic {missing[0]} (and {len(missing) - 1} more): run `playhead up`"
        except KafkaException as error:
            reason = f"no broker at {settings.kafka}: {error.args[0].str()}"
        log.warning("waiting for the log", reason=reason)
        await asyncio.sleep(CONNECT_PAUSE_S)
