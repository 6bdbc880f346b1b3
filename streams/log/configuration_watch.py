"""Configuration watch: a process works by what the log says, as long as it lives.

Which configuration a step runs with is a choice on the log (streams/log/activations.py). It is
looked at again each second; a worker runs nothing before the first look. A run that begins then
takes the new one, one that runs keeps that of its beginning. Where the broker does not answer, what
was in force stays so. A record that is no choice is told of once, and nothing stops for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from streams.log.activations import Activations, ConfigurationChoice
from streams.log.configuration import Configuration
from streams.watching.logs import logger

log = logger("configuration")

LOOK_S = 1.0  # between two looks at the end of a partition, which cost a request each
AGAIN_MAX = 60  # looks, a minute: registries that lag know a schema after seconds
PAUSE_S = 2.0  # before a broker that does not answer is asked again


class ReadsChoices(Protocol):
    """What is watched: `streams.log.configuration_log.ConfigurationLog`."""

    def end(self) -> int | None:
        """Return how many choices were written; None where there is no topic for them."""

    def read(self) -> Activations:
        """Read what stands there now."""

    def close(self) -> None:
        """Let go of the broker."""


class ConfigurationsInForce(Mapping[str, Configuration]):
    """The configuration of every step, at the moment at which it is asked for.

    One thread takes in what the log says, others read.
    """

    def __init__(self, shipped: Mapping[str, Configuration]) -> None:
        self._shipped = dict(shipped)
        self._current = dict(shipped)
        self._told = -1
        """Offset up to which it was told what can't be followed."""

    def __getitem__(self, step: str) -> Configuration:
        """Return a step's configuration."""
        return self._current[step]

    def __iter__(self) -> Iterator[str]:
        """Name the steps."""
        return iter(self._current)

    def __len__(self) -> int:
        """Count the steps."""
        return len(self._current)

    def take(self, told: Activations) -> None:
        """Work by what the log says, and tell what changed and what can't be followed."""
        for choice in told.history:
            if choice.offset > self._told:
                self._tell_of(choice)
        self._told = max((choice.offset for choice in told.history), default=-1)
        for step, shipped in self._shipped.items():
            chosen = told.in_force(step, shipped)
            if chosen.digest != self._current[step].digest:
                before, self._current[step] = self._current[step].digest, chosen
                log.info(
                    "a configuration is in force",
                    of=step,
                    digest=chosen.digest,
                    before=before,
                    by=_by(told.latest(step)),
                )

    def _tell_of(self, choice: ConfigurationChoice) -> None:
        if choice.record is None:
            log.warning(
                "a record among the choices of configurations can't be read",
                offset=choice.offset,
                reason=choice.ignored,
            )
        elif choice.ignored:
            log.error(
                "a configuration is ignored, the one before stays in force",
                of=choice.step,
                offset=choice.offset,
                reason=choice.ignored,
            )
        elif choice.replaced is not None:
            log.warning(
                "a configuration was chosen without knowledge of the one before it",
                of=choice.step,
                offset=choice.offset,
                before=choice.replaced or "shipped",
            )


def _by(choice: ConfigurationChoice | None) -> str:
    return choice.record.by if choice is not None and choice.record is not None else "shipped"


class ConfigurationWatch:
    """Has configurations follow the log."""

    def __init__(
        self, choices: Callable[[], ReadsChoices], configurations: ConfigurationsInForce
    ) -> None:
        """`choices` makes a client, which blocks and serves one thread."""
        self._make = choices
        self._choices: ReadsChoices | None = None
        self._configurations = configurations
        self._seen: int | None = -1
        """How many choices there were at the last look."""
        self._again = 0
        """Looks left at which the newest choice is read again: its schema may be known by then."""

    def look(self) -> None:
        """Take in what was chosen since the last look; raises what the client raises."""
        self._choices = self._choices or self._make()
        end = self._choices.end()
        if end == self._seen and not self._again:
            return
        told = self._choices.read()
        self._configurations.take(told)
        self._again = AGAIN_MAX if end != self._seen else self._again - 1
        if not (told.history and told.history[-1].record is None):
            self._again = 0
        self._seen = end

    def first(self, pause_s: float = PAUSE_S, stop: threading.Event | None = None) -> None:
        """Look until the log has answered, with a line in the log each time it has not.

        Being told to stop ends it too.
        """
        stop = stop or threading.Event()
        while not stop.is_set():
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is said and tried again
                reason = f"{type(error).__name__}: {error}"
                log.warning("the configurations can't be read, trying again", reason=reason)
                stop.wait(pause_s)
            else:
                return

    def on(self, stop: threading.Event, look_s: float = LOOK_S) -> None:
        """Look again and again until told to stop; says once that the log does not answer."""
        away = False
        while not stop.wait(look_s):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - what was in force stays so
                if not away:
                    reason = f"{type(error).__name__}: {error}"
                    log.warning("no new configuration is seen for now", reason=reason)
                away = True
            else:
                away = False

    def close(self) -> None:
        """Let go of the client, on the thread that it serves."""
        if self._choices is not None:
            self._choices.close()
            self._choices = None


class ConfigurationsFollowed:
    """Follows the log on a thread of its own, for a process that begins before it has answered."""

    def __init__(self, watch: ConfigurationWatch) -> None:
        self.ready = False
        """Whether the log has answered."""
        self._watch = watch
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="configurations", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """Have the thread end, soon."""
        self._stopping.set()

    def _run(self) -> None:
        self._watch.first(stop=self._stopping)
        self.ready = True
        self._watch.on(self._stopping)
        self._watch.close()
