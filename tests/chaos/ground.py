"""What a run stands on: brokers and a registry, and what lies between them and the workers.

The harness itself goes straight to the brokers, so that it sees what is on the log while the workers don't.
"""

import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Self

from infra.local import components, java
from infra.local.components import Component
from infra.local.ports import HOST
from infra.local.site import Site
from infra.local.supervisor import Stack, Wish
from infra.local.verb_template import VerbTemplate
from streams.settings import Settings
from tests.chaos.cluster import Listener, addresses, cluster, name_of, port_of, proxy_port_of
from tests.chaos.faults.fake_registry import FakeRegistryProxy
from tests.chaos.faults.link import FakeLink
from tests.chaos.plan import Plan

WORKER = "tests.chaos.worker:main"


class Ground:
    """Brokers, registry and links of one run; started on entry, stopped on exit."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._closing = ExitStack()
        self.brokers = tuple(name_of(number) for number in range(1, plan.brokers + 1))
        """Components of the stack, the first broker first."""
        self.links: tuple[FakeLink, ...] = ()
        """Between the workers and each broker, where there are any."""
        self.registry: FakeRegistryProxy | None = None
        """Between the workers and the registry, where it can lie."""
        wish = Wish(names=frozenset({"kafka", "registry"}), free_ports=True)
        self._templates: dict[Path, VerbTemplate] = {}
        self.stack = Stack(folder, wish, select=self._select)
        self.run = self.stack.run

    def __enter__(self) -> Self:
        with ExitStack() as closing:
            closing.enter_context(self.stack)
            if self._plan.linked:
                self.links = tuple(
                    closing.enter_context(
                        FakeLink(self._port(n, Listener.LINK), self._port(n, Listener.WORKERS))
                    )
                    for n in range(1, len(self.brokers) + 1)
                )
            if self._plan.lied_to:
                proxy = FakeRegistryProxy(proxy_port_of(self._site), self.settings.registry)
                self.registry = closing.enter_context(proxy)
            self._closing = closing.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    @property
    def settings(self) -> Settings:
        """Settings of the harness."""
        settings = Settings.load(environment={}, run=self.run)
        return replace(
            settings, kafka=self._addresses(Listener.DIRECT), replication=len(self.brokers)
        )

    @property
    def environment(self) -> dict[str, str]:
        """What a worker is told of the ground, and the mark by which the stack's guard knows it."""
        proxied = {"PLAYHEAD_REGISTRY": self.registry.url} if self.registry else {}
        return {
            **proxied,
            "PLAYHEAD_KAFKA": self._addresses(Listener.LINK if self.links else Listener.DIRECT),
            "PLAYHEAD_REPLICATION": str(len(self.brokers)),
            "PLAYHEAD_STACK": self.stack._marker,
        }

    def environment_of(self, root: Path) -> dict[str, str]:
        """Return what a worker inherits that runs the code of this tree."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PLAYHEAD_")}
        return {**kept, **self.environment, "PYTHONPATH": str(root)}

    def template_of(self, root: Path) -> VerbTemplate:
        """Return what workers of this tree are forked from, and have it load."""
        if root not in self._templates:
            log = self.run / f"workers-{len(self._templates)}.log"
            environment = self.environment_of(root)
            template = VerbTemplate(WORKER, components.WORKER_LOADS, environment, log, folder=root)
            self._closing.callback(template.end)
            self._templates[root] = template
        self._templates[root].start()
        return self._templates[root]

    def wait_ready(self) -> None:
        """Wait until every broker is there."""
        for name in self.brokers:
            self.stack.wait_ready(name)

    def address_of(self, broker: int) -> str:
        """Return where the harness reaches one broker, counted from 0."""
        return f"{HOST}:{self._port(broker + 1, Listener.DIRECT)}"

    def data_of(self, broker: str) -> Path:
        """Return where a broker keeps its data."""
        return self.run / broker / java.DATA

    @property
    def _site(self) -> Site:
        assert self.stack.site is not None
        return self.stack.site

    def _port(self, number: int, listener: Listener) -> int:
        return port_of(self._site, number, listener)

    def _addresses(self, listener: Listener) -> str:
        return addresses(self._site, len(self.brokers), listener)

    def _select(self, names: frozenset[str], workers: int) -> tuple[Component, ...]:
        """Put the brokers of the plan in the place of the stock one; topics are made for as many."""
        stock = components.select(names, workers)
        others = (one for one in stock if one.name not in {"kafka", "topics"})
        return *cluster(len(self.brokers), linked=self._plan.linked), *others
