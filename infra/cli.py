"""The command line, `playhead VERB`: each verb lives beside what it does."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import NoReturn

import click

import infra.interrupted  # noqa: F401 - before what takes long
from infra.local.network import without_proxy
from infra.local.paths import made_absolute
from streams.operations.options import LateGroup, Verb
from streams.setting_sources import refuse_unknown
from streams.settings import Settings

VERBS = {
    "up": Verb("infra.local.cli:up", "Start the local stack"),
    "down": Verb("infra.local.cli:down", "Stop the local stack"),
    "status": Verb("infra.local.cli:status", "Show the state of each component"),
    "parts": Verb("infra.local.cli:parts", "Fetch the software that the components run"),
    "demo": Verb(
        "infra.demo.cli:demo", "Load two sample tenants, talk with both, and verify the log"
    ),
    "worker": Verb("worker.cli:worker", "Run the steps: the Faust worker"),
    "gateway": Verb("infra.gateway_verb:gateway", "Serve HTTP, server-sent events and WebSockets"),
    "keys": Verb("edge.cli.keys:keys", "Make, revoke and list API keys"),
    "producers": Verb(
        "edge.cli.producers:producers",
        "Say who may write requests straight to Kafka, and whether they must prove it",
    ),
    "personal-data": Verb(
        "edge.cli.personal_data:personal_data",
        "Name personal values by digests, and hand documents out with their values",
    ),
    "erase": Verb(
        "edge.cli.erase:erase",
        "Erase a person: destroy their keys, for good, and drop what was made with them",
    ),
    "ingest": Verb(
        "edge.cli.hand_in:ingest",
        "Submit files, folders, pages of the web or stdin (-) as documents",
    ),
    "sources": Verb(
        "edge.cli.sources:sources",
        "Follow folders, buckets, sites and databases: hand in what changes, withdraw what goes",
    ),
    "chat": Verb("edge.cli.chat:chat", "Ask a question"),
    "load": Verb(
        "infra.load_verb:load",
        "Ask questions whether or not earlier ones were answered, and tell what that did",
    ),
    "replay": Verb("infra.replay_verbs:replay", "Read the log again: verify it, export it"),
    "audit": Verb(
        "replay.seal.audit_cli:audit_group",
        "Prove that nothing of the log was edited, deleted or cut off",
    ),
    "eval": Verb(
        "evals.cli:eval_", "Measure quality on evaluation sets, with intervals and baselines"
    ),
    "config": Verb(
        "streams.operations.configuring:config",
        "Show and change what steps are configured with: by the log, and without a restart",
    ),
    "tune": Verb(
        "evals.tune_cli:tune", "Propose thresholds from answers that two reviewers judged alike"
    ),
    "routes": Verb("replay.routes_cli:routes", "Say which model answered, and why that one"),
    "policy": Verb(
        "infra.policy_verbs:policy",
        "Check a policy before it comes into force, and explain what one decided",
    ),
    "dead-letters": Verb(
        "streams.operations.dead_letters:dead_letters",
        "List, show and retry events that could not be processed",
    ),
    "lag": Verb("streams.operations.lag_cli:lag", "Show how far each step is behind"),
    "drift": Verb(
        "streams.operations.drift.drift_cli:drift",
        "Compare questions, vectors and scores with those of a while ago",
    ),
    "acls": Verb(
        "infra.kafka.acls_cli:acls",
        "Say what each component may do at the broker, or put it in force",
    ),
    "settings": Verb("infra.settings_cli:settings", "Show the settings in force"),
}
"""The summaries stand here too, so that `playhead --help` loads nothing; a test compares them."""

MEANT = {
    "start": "up",
    "run": "up",
    "stop": "down",
    "ask": "chat",
    "stress": "load",
    "upload": "ingest",
    "crawl": "sources add",
    "sync": "sources run",
    "verify": "replay verify",
    "export": "replay export",
    "timeline": "replay timeline",
    "explain": "routes explain",
    "seal": "audit seal",
    "receipt": "audit receipt",
    "retry": "dead-letters retry",
    "rollback": "config roll-back",
    "promote": "config promote",
}
"""Words that people try, and the verbs that do it."""
OURS = {"agents", "connectors", "edge", "evals", "infra", "replay", "schemas", "streams", "worker"}
HELP = ("-h", "--help", "--version")
USAGE, INTERRUPTED = 2, 130


class Verbs(LateGroup):
    """The verbs, and words that people try for them."""

    def suggest(self, ctx: click.Context, name: str) -> str | None:
        """Return the verb that was probably meant, or None."""
        return MEANT.get(name) or super().suggest(ctx, name)


def _tell_version(context: click.Context, _option: click.Parameter, given: bool) -> None:
    if not given or context.resilient_parsing:
        return
    from importlib.metadata import version

    from schemas import compiled

    click.echo(f"playhead, version {version('playhead')}")
    click.echo(f"codec: {compiled.in_use()}")
    context.exit()


@click.group(cls=Verbs, verbs=VERBS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version, and what records are encoded by, and exit.",
)
def playhead() -> None:
    """Event-driven RAG chat for many tenants, whose whole log recomputes byte for byte.

    \b
    Example:
      playhead up --detach
      playhead chat --tenant acme "How long is the notice period?"
      playhead replay verify
    """


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line; an error is one line that says what is wrong, never a stack trace."""
    # for this process and its children: no proxy to this machine, no path that means another there
    os.environ.update(without_proxy(os.environ) | made_absolute(os.environ))
    words = sys.argv[1:] if arguments is None else arguments
    try:
        if not set(HELP) & set(words):
            refuse_unknown(Settings, os.environ)
        done = playhead.main(args=words, prog_name="playhead", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(USAGE)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "playhead"
        fail(f"{' '.join(error.format_message().split())} ({path} --help shows how)", USAGE)
    except click.ClickException as error:
        fail(refused(error, words) or error.format_message(), error.exit_code)
    except click.Abort:
        fail("interrupted", INTERRUPTED)
    except Exception as error:  # the last line of defence: no stack trace reaches a user
        if os.environ.get("PLAYHEAD_LOG_LEVEL") == "debug":
            raise
        fail(refused(error, words) or said(error), getattr(error, "exit_status", 1))
    # click hands back the code of a command that ended by itself, --help included
    sys.exit(done if isinstance(done, int) else 0)


def fail(message: str, code: int) -> NoReturn:
    """End with a line that begins like every other error of ours."""
    sys.stderr.write(f"playhead: {message}\n")
    sys.exit(code)


def said(error: Exception) -> str:
    """Say an error in one line: our own errors say what to do, others are named."""
    kind = type(error)
    if kind.__module__.partition(".")[0] in OURS or kind in {LookupError, TimeoutError}:
        return str(error)
    if kind.__name__ == "KafkaException":
        return f"Kafka: {error.args[0].str()}; is the stack up? `playhead status` tells"
    return f"{kind.__name__}: {error} (PLAYHEAD_LOG_LEVEL=debug shows where)"


def refused(error: BaseException, words: Sequence[str]) -> str:
    """Say why the broker refuses us, where a verb failed since it got no answer; else nothing."""
    seen: BaseException | None = error
    while seen is not None and type(seen).__name__ not in {"KafkaException", "NoAnswer"}:
        seen = seen.__cause__ or seen.__context__
    if seen is None:
        return ""
    from streams.log.broker_access import refusal
    from streams.settings import Settings

    given = dict(pairwise(words)).get("--run", "")
    try:
        return refusal(Settings.load(run=given or None))
    except Exception:  # noqa: BLE001 - the verb's own error is told then
        return ""


if __name__ == "__main__":
    main()
