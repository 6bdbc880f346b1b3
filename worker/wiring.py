"""The wiring: one Faust app a step, and the connectors that the hosted steps ask.

It is done in two parts. `declare` makes an app with its agents and tables and asks nothing of
anybody, so that `faust agents` can show them; `attach` gives hosted steps what they need to run.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, cast, runtime_checkable

from connectors.answer_redaction import AnswerRedaction
from connectors.who_answers import KEYRING, connectors_for
from schemas.registry import Registry, SchemaIds
from streams.delivery.faust_shell import App, Consumer, new_app
from streams.delivery.held_slots import NONE, HeldSlot
from streams.delivery.lane import Lane
from streams.delivery.memory import Memory
from streams.delivery.opening import FoldFunction
from streams.delivery.processing import Services
from streams.delivery.runner import Runner
from streams.delivery.step_tables import TABLES, PlaceholderNumbers, Sessions
from streams.delivery.tables import Table
from streams.log.broker_access import check_access, client_settings
from streams.log.chosen_model import in_force
from streams.log.codec import Codec
from streams.log.configuration import Configuration
from streams.log.setup import (
    check_topics,
    missing,
    partition_counts,
    publish_configuration,
    setup_writer,
    wanted,
)
from streams.log.subjects import open_registry, subjects
from streams.log.topic_settings import WrongTopic
from streams.running.cancellations import Cancellations
from streams.running.world import Connector, World
from streams.settings import Settings
from streams.topics import FOLDS, STEPS, Fold, Step, changelog_of, group_of, step, topic_of
from streams.watching.logs import logger

log = logger("app")


CONNECT_PAUSE_S = 2.0
SCHEMAS_AT_ONCE = 8  # asked of the registry: two questions each, some 60 of them


@runtime_checkable
class RedactsAnswers(Protocol):
    """A connector whose answers may hold personal data: it asks others to take it out."""

    def redact_by(self, redaction: AnswerRedaction) -> None:
        """Redact what is answered from now on."""


@runtime_checkable
class HeedsCancellations(Protocol):
    """A connector that asks models."""

    def heed(self, cancellations: Cancellations) -> None:
        """Stop models for these from now on."""


@dataclass(frozen=True)
class Hosted:
    """A step that this process hosts."""

    step: Step
    app: App
    runner: Runner
    tables: Mapping[str, Table]

    @property
    def group(self) -> str:
        """Its consumer group."""
        return group_of(self.step.name)

    @property
    def topics(self) -> Sequence[str]:
        """What it reads."""
        return self.runner.topics

    @property
    def held(self) -> Sequence[Lane]:
        """The lanes that are ours now."""
        return self.runner.held

    @property
    def trouble(self) -> str:
        """Why its group gives it no lane, or what its lanes wait for."""
        return cast(Consumer, self.app.consumer).trouble or self.runner.trouble

    def is_known(self) -> bool:
        """Say whether its group may give it lanes; blocks, raises NoAnswer."""
        return cast(Consumer, self.app.consumer).is_known()

    def join_anew(self) -> None:
        """Have it join its group with another client."""
        cast(Consumer, self.app.consumer).join_anew()


@dataclass(frozen=True)
class Host:
    """Everything that one worker process runs."""

    steps: Sequence[Hosted]
    world: World
    connectors: Sequence[Any] = ()
    cancellations: Cancellations = field(default_factory=Cancellations)
    configurations: Mapping[str, Configuration] = field(default_factory=dict)
    """Those in force, which may follow the log."""
    keyring: Any = None
    """That of the steps; None where no step here asks for keys."""


def factory_of(path: str) -> Callable[[Settings], Any]:
    """Import a connector, given as `module:Class`."""
    module, attribute = path.split(":")
    factory: Callable[[Settings], Any] = getattr(importlib.import_module(module), attribute)
    return factory


def connect(
    settings: Settings,
    steps: Sequence[Step],
    factory_of: Callable[[str], Callable[[Settings], Any]] = factory_of,
    pause_s: float = CONNECT_PAUSE_S,
) -> tuple[list[Connector], Any]:
    """Make the connectors that the steps ask; return them and the keyring among them.

    Tries again, with a line in the log, until all can be made: a worker must not die because
    another component is late. (They connect when they are first asked.)
    """
    made: list[Connector] = []
    keyring: Any = None
    for path in connectors_for(request for entry in steps for request in entry.asks):
        factory = factory_of(path)
        while True:
            try:
                connector = factory(settings)
                break
            except Exception as error:  # noqa: BLE001 - whatever it is, it is said and tried again
                reason = f"{type(error).__name__}: {error}"
                log.warning(
                    "a connector can't be made, trying again", connector=path, reason=reason
                )
                time.sleep(pause_s)
        made.append(connector)
        if path == KEYRING:
            keyring = connector
    return made, keyring


def known_schemas(
    settings: Settings,
    make: Callable[[Settings], Registry] = open_registry,
    pause_s: float = CONNECT_PAUSE_S,
) -> Registry:
    """Look up the ids of all our schemas now, so that no event waits for the registry.

    Tries again, with a line in the log, until the registry answers and knows them. The first is
    asked for alone, so that one that is away is asked once; the others side by side.
    """
    registry = make(settings)
    first, *others = sorted(set(subjects().values()))

    def look_up(record: str) -> None:
        registry.definition_of(registry.id_of(record))

    while True:
        try:
            look_up(first)
            with ThreadPoolExecutor(SCHEMAS_AT_ONCE, "schemas") as pool:
                for known in [pool.submit(look_up, record) for record in others]:
                    try:
                        known.result()
                    except BaseException:
                        pool.shutdown(wait=False, cancel_futures=True)
                        raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is said and tried again
            reason = f"{type(error).__name__}: {error}"
            log.warning("waiting for the registry", registry=settings.registry, reason=reason)
            time.sleep(pause_s)
        else:
            return registry


def put_configurations(publish: Callable[[], None], pause_s: float = CONNECT_PAUSE_S) -> None:
    """Put the configurations of this process on the log, before any record rests on them.

    A replay must find them by their digests, and those of set-up may be others. Tries again, with a
    line in the log, until the broker has them.
    """
    while True:
        try:
            publish()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is said and tried again
            reason = f"{type(error).__name__}: {error}"
            log.warning("the configurations can't be written, trying again", reason=reason)
            time.sleep(pause_s)
        else:
            return


def log_made_ready(
    settings: Settings, configured: Mapping[str, Configuration] | None = None
) -> Registry:
    """Look up all schemas, and put the configurations of this process on the log; blocks.

    However long either takes: no record is written before both are done.
    """
    with setup_writer(settings) as writer:
        registry = known_schemas(settings)
        codec = Codec(registry)
        put_configurations(partial(publish_configuration, writer, settings, codec, configured))
    return registry


def declare(settings: Settings, entry: Step, memory: Memory) -> Hosted:
    """Make the app of a step, with an agent for each of its topics, and its tables."""
    app = new_app(group_of(entry.name), settings, memory)
    tables = {name: TABLES[name](app, settings) for name in entry.tables}
    folds = {fold: folding(fold, tables) for fold in FOLDS if fold.beside == entry.name}
    return Hosted(entry, app, Runner(app, entry, folds, list(tables.values())), tables)


def attach(
    settings: Settings,
    hosted: Sequence[Hosted],
    connectors: Sequence[Connector] | None = None,
    keyring: Any = None,
    ids: SchemaIds | None = None,
    configured: Mapping[str, Configuration] | None = None,
    held: Mapping[str, HeldSlot] = NONE,
) -> Host:
    """Give hosted steps what they need to run; connectors are made here unless they are given.

    Without schema ids, those of `log_made_ready`: then it blocks. `held` are the slots of groups.
    """
    if connectors is None:
        connectors, keyring = connect(settings, [one.step for one in hosted])
    codec = Codec(log_made_ready(settings, configured) if ids is None else ids)
    tables = [table for one in hosted for table in one.tables.values()]
    world = World((*connectors, *tables), settings.call_timeout_s)
    configurations = configured or in_force(settings)
    cancellations = Cancellations()
    services = Services(
        settings=settings,
        codec=codec,
        world=world,
        digest_key=keyring.digest_key,
        configurations=configurations,
        cancellations=cancellations,
    )
    redaction = AnswerRedaction(world.ask, configurations)
    for connector in connectors:
        if isinstance(connector, RedactsAnswers):
            connector.redact_by(redaction)
        if isinstance(connector, HeedsCancellations):
            connector.heed(cancellations)
    for table in tables:
        table.attach(codec)
    for one in hosted:
        one.app.held = held.get(one.group)
        one.runner.attach(services)
    return Host(hosted, world, connectors, cancellations, configurations, keyring)


def host(
    settings: Settings,
    steps: Sequence[Step],
    connectors: Sequence[Connector] | None = None,
    keyring: Any = None,
    ids: SchemaIds | None = None,
    configured: Mapping[str, Configuration] | None = None,
) -> Host:
    """Build the apps of some steps, ready to start."""
    return attach(settings, declare_all(settings, steps), connectors, keyring, ids, configured)


def declare_all(settings: Settings, steps: Sequence[Step]) -> list[Hosted]:
    """Make the apps of some steps, which share one memory."""
    memory = Memory(settings.memory_mb * 1_000_000)
    return [declare(settings, entry, memory) for entry in steps]


async def prove(steps: Sequence[Hosted]) -> bool:
    """Say whether the groups of some steps take this process for the owner of its lanes."""
    return all(await asyncio.gather(*(cast(Consumer, one.app.consumer).prove() for one in steps)))


def folding(fold: Fold, tables: Mapping[str, Table]) -> FoldFunction:
    """Return the function behind a fold."""
    match fold.name, tables[fold.table]:
        case "remember", Sessions() as sessions:
            return sessions.remember
        case "carry", Sessions() as sessions:
            return sessions.carry
        case "number", PlaceholderNumbers() as placeholders:
            return placeholders.number
    raise KeyError(f"no function for the fold {fold.name}: see worker/wiring.py")


def chosen(names: str | None) -> tuple[Step, ...]:
    """Read a comma-separated list of steps; None for all. Raises KeyError that lists the steps."""
    if names is None:
        return STEPS
    return tuple(step(name.strip()) for name in names.split(",") if name.strip())


def topics_waited_for(steps: Sequence[Step]) -> set[str]:
    """Return the topics that must be there, as they must be, before steps run."""
    hosted = {entry.name for entry in steps}
    names = {topic_of(record) for entry in steps for record in (*entry.reads, *entry.writes)}
    names |= {topic_of(fold.reads) for fold in FOLDS if fold.beside in hosted}
    return names | {changelog_of(table) for entry in steps for table in entry.tables}


async def wait_for_topics(
    settings: Settings,
    steps: Sequence[Step],
    admin: Any = None,
    pause_s: float = CONNECT_PAUSE_S,
) -> None:
    """Wait until the broker has the topics of the steps as they must be, with a line in the log.

    Raises BrokerRefuses or BadSetting where waiting changes nothing.
    """
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    names = topics_waited_for(steps)
    needed = [topic for topic in wanted(settings) if topic.topic in names]
    if admin is None:
        await asyncio.to_thread(check_access, settings)
        admin = AdminClient({**client_settings(settings), "log_level": 0})
    while True:
        try:
            absent = sorted(
                topic.topic
                for topic in missing(needed, await asyncio.to_thread(partition_counts, admin))
            )
            if not absent:
                await asyncio.to_thread(check_topics, admin, needed)
                return
            reason = f"no topic {absent[0]} (and {len(absent) - 1} more): run `playhead up`"
        except (WrongTopic, TimeoutError) as error:
            reason = str(error)
        except KafkaException as error:
            reason = f"no broker at {settings.kafka}: {error.args[0].str()}"
        log.warning("waiting for the log", reason=reason)
        await asyncio.sleep(pause_s)
