"""The command line, `playhead VERB`: each verb lives beside what it does."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from infra.local.network import without_proxy

VERBS = {
    "up": "infra.local.cli:up",
    "down": "infra.local.cli:down",
    "status": "infra.local.cli:status",
    "parts": "infra.local.cli:parts",
    "demo": "infra.demo.cli:demo",
    "worker": "worker.cli:worker",
    "gateway": "edge.cli.gateway:gateway",
    "keys": "edge.cli.keys:keys",
    "ingest": "edge.cli.ingest:ingest",
    "chat": "edge.cli.chat:chat",
    "replay": "replay.cli:replay",
    "dead-letters": "streams.operations.dead_letters:dead_letters",
    "lag": "streams.operations.lag:lag",
}


OURS = {"agents", "connectors", "infra", "replay", "schemas", "streams"}


class Verbs(click.Group):
    """A group that imports a verb only when it is called: `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click calls it so
        """Name the verbs in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the module of a verb."""
        if cmd_name not in VERBS:
            return None
        module, attribute = VERBS[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="playhead")
def playhead() -> None:
    """Event-driven RAG chat for many tenants, whose whole log recomputes byte for byte.

    \b
    Example:
      playhead up --detach
      playhead chat --tenant acme "How long is the notice period?"
      playhead replay verify
    """


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; an error is one line that says what is wrong, never a stack trace."""
    os.environ.update(without_proxy(os.environ))  # for the clients in this process and its children
    try:
        return playhead.main(args=arguments, prog_name="playhead", standalone_mode=True)
    except Exception as error:  # the last line of defence: no stack trace reaches a user
        if os.environ.get("PLAYHEAD_LOG_LEVEL") == "debug":
            raise
        sys.stderr.write(f"playhead: {said(error)}\n")
        sys.exit(1)


def said(error: Exception) -> str:
    """Say an error in one line: our own errors say what to do, others are named."""
    kind = type(error)
    if kind.__module__.partition(".")[0] in OURS or kind in {LookupError, TimeoutError}:
        return str(error)
    if kind.__name__ == "KafkaException":
        return f"Kafka: {error.args[0].str()}; is the stack up? `playhead status` tells"
    return f"{kind.__name__}: {error} (PLAYHEAD_LOG_LEVEL=debug shows where)"


if __name__ == "__main__":
    main()
