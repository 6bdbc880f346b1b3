"""Where a chat's CPU goes: threads of worker, gateway and broker, and packages of the first two.

    python -m bench.peers.cpu_profile [CHATS]

Threads are the kernel's own account, exact to a tick of 10 ms; a library's and the broker's count,
too. Packages are py-spy's samples of the thread that holds the interpreter, by its innermost Python
frame: what C code takes is counted with the Python that called it. While it samples, a process
stands still for moments, so CPU a chat is taken from runs without it.
"""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console

from bench.child import ROOT, MeasurementFailed
from bench.clients_of_errors import none_outlives_its_broker
from bench.figure_tables import figure_table
from bench.peers.askers import connected, crowd
from bench.peers.contestants import (
    ENVIRONMENT,
    Contestant,
    await_work,
    playhead,
    served_model,
    with_environment,
)
from bench.peers.corpus import SHORT, places, questions
from bench.peers.document_rates import PlatformShelf, fill
from bench.peers.usage import spent, trees
from infra.local.supervisor import Stack, Wish
from streams.settings import Settings

USERS = (1, 16)
CHATS = 64
PYTHON = ("worker", "gateway")  # those that py-spy can read
SHOWN = 14  # rows of a table; the rest is one
RATE = 200  # samples a second
POLL_S = 0.1  # until it has read the process
NUMBERED = re.compile(r"[-_/:# ]*\d+\b.*")
OWN = frozenset({"agents", "connectors", "edge", "schemas", "streams", "worker"})


@dataclass(frozen=True)
class CpuShares:
    """One process with some users: CPU milliseconds of a chat by thread, samples by package."""

    program: str
    users: int
    cpu_ms: float
    threads: Mapping[str, float]
    packages: Mapping[str, int]


def thread_seconds(pids: Iterable[int]) -> dict[str, float]:
    """Return the CPU seconds of all threads of some processes and their children, by name."""
    found: defaultdict[str, float] = defaultdict(float)
    for process in trees(pids):
        with suppress(psutil.Error, OSError):
            for thread in process.threads():
                name = Path(f"/proc/{process.pid}/task/{thread.id}/comm").read_text().strip()
                found[kind_of_thread(name)] += thread.user_time + thread.system_time
    return found


def _more(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return what each has used since; what ended meanwhile is left out."""
    return {name: max(0.0, after[name] - before.get(name, 0.0)) for name in after}


def kind_of_thread(name: str) -> str:
    """Drop what numbers a thread: those of a pool are one."""
    return NUMBERED.sub("", name) or name


def package_of(frame: str) -> str:
    """Name the package that a frame's file is of: ours by folder, others by their name."""
    _, _, place = frame.rpartition(" (")
    path = place.rpartition(":")[0] or place.rstrip(")")
    if "site-packages/" in path:
        return path.rpartition("site-packages/")[2].partition("/")[0].removesuffix(".py")
    parts = Path(path.removeprefix(f"{ROOT}/")).parts
    if parts and parts[0] in OWN:
        return "/".join(parts[:2]).removesuffix(".py")
    if "lib/python3" in path:
        inside = re.split(r"lib/python3\.\d+/", path)[-1]
        return f"python: {inside.partition('/')[0].removesuffix('.py')}"
    return "python: built in" if path.startswith("<") else path


def by_package(folded: Iterable[str]) -> Counter[str]:
    """Count samples by the package of their innermost frame; lines are `frame;frame;… count`."""
    found: Counter[str] = Counter()
    for line in folded:
        stack, _, count = line.strip().rpartition(" ")
        if stack and count.isdigit():
            found[package_of(stack.rpartition(";")[2])] += int(count)
    return found


@contextmanager
def sampled(pid: int, output: Path) -> Iterator[None]:
    """Have py-spy sample a process and its children while this lasts, and write what it saw.

    Raises MeasurementFailed, with what it said, where it can't.
    """
    argv = [
        *(str(Path(sys.executable).with_name("py-spy")), "record", "--pid", str(pid)),
        *("--format", "raw", "--output", str(output), "--duration", "3600"),
        *("--rate", str(RATE), "--subprocesses", "--gil", "--full-filenames"),
    ]
    said = output.with_suffix(".said")
    with said.open("wb") as told:
        spy = subprocess.Popen(argv, stdout=told, stderr=told)  # noqa: S603
    try:
        while b"Sampling" not in said.read_bytes() and spy.poll() is None:
            time.sleep(POLL_S)
        yield
    finally:
        spy.send_signal(signal.SIGINT)
        spy.wait(60)
    if not output.exists():
        raise MeasurementFailed(f"py-spy sampled nothing: {said.read_text(errors='replace')}")


def profile(one: Contestant, users: int, chats: int, folder: Path) -> list[CpuShares]:
    """Hold chats twice: once with the kernel's account of threads, once with samples."""
    pids = {name: one.programs.pids[name] for name in one.own}
    before = {name: thread_seconds(own) for name, own in pids.items()}
    used = one.programs.cpu_s()
    asyncio.run(_held(one, users, chats))
    used = spent(used, one.programs.cpu_s())
    threads = {name: _more(before[name], thread_seconds(own)) for name, own in pids.items()}
    packages: dict[str, Counter[str]] = {}
    for name in PYTHON:
        output = folder / f"{name}-{users}"
        with sampled(pids[name][0], output):
            asyncio.run(_held(one, users, chats))
        with output.open(encoding="utf-8") as lines:
            packages[name] = by_package(lines)
    return [
        CpuShares(
            name,
            users,
            1_000 * used[name] / chats,
            {thread: 1_000 * seconds / chats for thread, seconds in threads[name].items()},
            packages.get(name, Counter()),
        )
        for name in pids
    ]


async def _held(one: Contestant, users: int, chats: int) -> None:
    async with connected() as http:
        await crowd(http, one.address, users, chats, questions(SHORT))


def largest(values: Mapping[str, float], shown: int = SHOWN) -> list[tuple[str, float]]:
    """Return the largest values, and the sum of the others as one."""
    ordered = sorted(values.items(), key=lambda entry: -entry[1])
    rest = sum(value for _, value in ordered[shown:])
    return [*ordered[:shown], *([("others", rest)] if rest else [])]


def show(shares: Iterable[CpuShares], console: Console) -> None:
    """Print a table for each process and number of users."""
    for one in shares:
        table = figure_table(f"{one.program}, {one.users} users", "CPU ms a chat")
        table.add_row("all", f"{one.cpu_ms:.1f}")
        for name, value in largest(one.threads):
            table.add_row(f"thread {name}", f"{value:.1f}")
        console.print(table)
        total = sum(one.packages.values())
        if total:
            table = figure_table("its Python by package", "samples, %")
            for name, count in largest(one.packages):
                table.add_row(name, f"{100 * count / total:.1f}")
            console.print(table)
        console.print()


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main(chats: int) -> None:
    """Profile the platform on a stack of its own."""
    with tempfile.TemporaryDirectory(prefix="playhead-bench-") as folder:
        run = Path(folder)
        with (
            with_environment(ENVIRONMENT),
            served_model(run),
            Stack(run, Wish(free_ports=True), say=_say),
            none_outlives_its_broker(),
        ):
            one = playhead(Settings.load(environment={}, run=run))
            known = [(place.uri, "text/plain", place.text) for place in places()]
            fill(PlatformShelf, one.address, known)
            await_work(one)
            for users in USERS:
                show(profile(one, users, chats, run), Console(width=100))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else CHATS)
