"""Our own command line against one run folder: the stack, and keys for its gateway."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import httpx

from infra.local.run_folder import is_up
from streams.settings import Settings

ANSWERED_WITHIN_S = 90.0

RunVerb = Callable[..., subprocess.CompletedProcess[str]]


def playhead(run: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a verb; on Ctrl-C, which reaches it too, wait until it has tidied up."""
    argv = [sys.executable, "-m", "infra.cli", *arguments]
    environment = {**os.environ, "PLAYHEAD_RUN": str(run)}
    with subprocess.Popen(  # noqa: S603 - our own program
        argv, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            output, _ = process.communicate()
        except KeyboardInterrupt:
            process.wait()
            raise
    return subprocess.CompletedProcess(argv, process.returncode, output)


@dataclass(frozen=True)
class DemoStack:
    """The stack behind a demo."""

    settings: Settings
    stays: bool
    """Whether it is left running at the end."""


@contextmanager
def demo_stack(
    run: Path, stop: bool, verb: RunVerb = playhead, up: Callable[[Path], bool] = is_up
) -> Iterator[DemoStack]:
    """Start what is not running, and yield it.

    A stack that ran before stays as it was. One that was started here stays too, unless `stop`
    says otherwise or the block was left by an exception, Ctrl-C included. Raises ClickException
    where it can't be started; `up` has said why.
    """
    ours = verb(run, "status", "--json").returncode != 0
    stays = not (ours and stop)
    done = False
    try:
        if ours and verb(run, "up", "--detach").returncode:
            raise click.ClickException("the stack did not start: see the lines above")
        yield DemoStack(Settings.load(run=run), stays)
        done = True
    finally:
        # an `up` that failed, or that Ctrl-C ended, has stopped all it started, and said so
        if ours and not (done and stays) and up(run):
            verb(run, "down")


def create_key(settings: Settings, tenant: str) -> str:
    """Create an API key that may read, write and see restored values; it lives for a day."""
    arguments = ("--user", "demo", "--ttl", "1d", "--json")
    done = playhead(settings.run, "keys", "create", "--tenant", tenant, *arguments)
    if done.returncode:
        raise click.ClickException(f"no key for {tenant}: see the lines above")
    key: str = json.loads(done.stdout)["key"]
    return key


def client(gateway: str, key: str) -> httpx.Client:
    """Open an HTTP client that speaks for the user of a key."""
    return httpx.Client(
        base_url=gateway,
        headers={"Authorization": f"Bearer {key}"},
        timeout=ANSWERED_WITHIN_S,
        trust_env=False,
    )
