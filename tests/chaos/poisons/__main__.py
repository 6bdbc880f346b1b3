"""Gives poison to one tenant of a stack of its own while others chat, and says what became of it.

    python -m tests.chaos.poisons --only records

All parts are the real ones. It fails where nobody is told of a poison, where its tenant is not answered any more, where
a component was started again, or where a neighbour got no answer; by no time. Times are printed: those of the
neighbours as a ratio of what they took before.
"""

import json
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

import click
import httpx

from bench.facts import facts
from edge.client.local_keys import LocalKeys
from infra.local.supervisor import Stack, Wish
from streams.log.codec import open_codec
from streams.log.lanes import lane_of
from streams.settings import Settings
from tests.chaos.poisons.fate import Fate, Poison, Tasted
from tests.chaos.poisons.neighbours import (
    P95_CHATS_MIN,
    TIMEOUT_S,
    Chat,
    Neighbours,
    Span,
    ask,
    between,
)
from tests.chaos.poisons.records import DeadLetters, record_poisons
from tests.chaos.poisons.requests import document_poisons, request_poisons
from tests.chaos.poisons.table import Table

POISONED = "poisoned"
QUIET_S = 30.0
CHATS_BEFORE = 40
"""That all is held against, at least: of few, the 95th of 100 is one slow answer."""
WARM_UP_CHATS = 6  # not counted: the first questions after a start load models and open connections
PATIENCE_S = 300.0  # for these
AFTER_S = 2.0  # between poisons
AGAIN_MAX, AGAIN_S = 12, 120.0
"""How often and for how long a poison is given again, so that enough chats are open at it."""
IDLE_S = 10.0
PARTS = ("records", "requests", "documents")


def near_tenants(partitions: int) -> tuple[str, str]:
    """Name two tenants, one in the lane of the poisoned one and one in another."""
    lane = lane_of(POISONED, "s", partitions)
    names = [f"neighbour-{number}" for number in range(100)]
    lanes = {name: lane_of(name, "s", partitions) for name in names}
    beside = next(name for name in names if lanes[name] == lane)
    return beside, next(name for name in names if lanes[name] != lane)


class Tasting:
    """One run on a stack that is up."""

    def __init__(self, stack: Stack, settings: Settings) -> None:
        self._stack = stack
        self._closing = ExitStack()
        self._settings = settings
        self._keys = LocalKeys(settings)
        self.letters = DeadLetters(settings, open_codec(settings))
        self._closing.callback(self.letters.close)
        self.client = self._client(POISONED)

    def _client(self, tenant: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self._keys.key(tenant)}"}
        client = httpx.Client(
            base_url=self._settings.gateway, headers=headers, timeout=TIMEOUT_S, trust_env=False
        )
        return self._closing.enter_context(client)

    def poisons(self, only: Sequence[str]) -> Sequence[Poison]:
        """Return the poisons of the chosen parts."""
        settings, key = self._settings, self._keys.key(POISONED)
        lane = lane_of(POISONED, "s", settings.partitions)
        parts: Mapping[str, Sequence[Poison]] = {
            "records": record_poisons(settings, POISONED, lane, self.letters),
            "requests": request_poisons(self.client, settings.gateway, key),
            "documents": document_poisons(self.client),
        }
        # how far the machine alone is from what it was before
        first, last = (Poison(f"nothing at all, {when}", _nothing) for when in ("first", "last"))
        return [first, *(poison for part in only for poison in parts[part]), last]

    def run(
        self, poisons: Sequence[Poison], quiet_s: float
    ) -> tuple[list[Tasted], list[Chat], float]:
        """Give one after the other; return what became of them, the chats, and when it began."""
        clients = [self._client(name) for name in near_tenants(self._settings.partitions)]
        text = "# Guide\n\n" + "\n".join(section for section, _ in facts(20))
        for client in (*clients, self.client):
            body = {"uri": "guide.md", "media_type": "text/markdown", "content": text}
            client.post("/v1/documents", json=body).raise_for_status()
            ask(client, "What opens?")
        tasted = []
        keys = [self._keys.key(name) for name in near_tenants(self._settings.partitions)]
        with Neighbours(self._settings.gateway, keys) as neighbours:
            neighbours.wait_for(WARM_UP_CHATS, 0.0, PATIENCE_S)
            warm_s = time.monotonic()
            time.sleep(quiet_s)
            neighbours.wait_for(CHATS_BEFORE, warm_s, PATIENCE_S)
            began_s = time.monotonic()
            for poison in poisons:
                given = self._give_again(poison, self._give(poison), neighbours)
                tasted.append(given)
                click.echo(f"{given.seconds:6.1f} s  {poison.name}: {given.fate.what}", err=True)
                time.sleep(AFTER_S)
        chats = [chat for chat in neighbours.chats if chat.began_s >= warm_s]
        return tasted, chats, began_s

    def _give_again(self, poison: Poison, first: Tasted, neighbours: Neighbours) -> Tasted:
        """Give a poison again until enough chats were open while it had its way."""
        again: list[Span] = []
        until_s, before = time.monotonic() + AGAIN_S, self._restarts()
        while len(again) < AGAIN_MAX and time.monotonic() < until_s:
            time.sleep(AFTER_S)  # for those who met it to have their answers, and others to ask
            if len(between(neighbours.chats, [*first.spans, *again])) >= P95_CHATS_MIN:
                break
            at_s = time.monotonic()
            poison.give()
            again.append((at_s, time.monotonic()))
        restarts = first.restarts + self._restarts() - before
        return replace(first, again=tuple(again), restarts=restarts)

    def _give(self, poison: Poison) -> Tasted:
        before, began_s = self._restarts(), time.monotonic()
        fate = poison.give()
        ended_s = time.monotonic()
        went_on = ask(self.client, "What does a yearly ticket cost?") == httpx.codes.OK
        return Tasted(
            poison.name, fate, began_s, ended_s, went_on, restarts=self._restarts() - before
        )

    def _restarts(self) -> int:
        return sum(keeper.restarts for keeper in self._stack._keepers.values())

    def close(self) -> None:
        """Let go of all clients."""
        self._closing.close()


def _nothing() -> Fate:
    time.sleep(IDLE_S)
    return Fate("nothing was sent", told=True)


def _parts(_context: click.Context, _option: click.Parameter, given: str) -> list[str]:
    names = given.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(PARTS)}")
    return names


@click.command()
@click.option("--only", default=",".join(PARTS), show_default=True, callback=_parts)
@click.option("--quiet-s", type=float, default=QUIET_S, show_default=True, help="Before the first.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write the result there."
)
def main(only: list[str], quiet_s: float, json_file: Path | None) -> None:
    """Give poison to a stack of its own; the exit code is 1 where more than the poison is affected."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="playhead-poisons-") as folder:
        run = Path(folder)
        with Stack(
            run, Wish(free_ports=True), say=lambda line: click.echo(line, err=True)
        ) as stack:
            tasting = Tasting(stack, Settings.load(environment={}, run=run))
            try:
                tasted, chats, began_s = tasting.run(tasting.poisons(only), quiet_s)
            finally:
                tasting.close()
            logs = [path.read_text(errors="replace") for path in sorted(run.glob("logs/*.log"))]
    table = Table(tasted, chats, began_s, [line for log in logs for line in log.splitlines()])
    if json_file:
        rows = {"poisons": [asdict(one) for one in tasted], **table.as_json()}
        json_file.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    click.echo(str(table))
    if table.wrong:
        sys.exit(1)


if __name__ == "__main__":
    main()
