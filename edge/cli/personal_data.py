"""`playhead personal-data`: digests for a tenant's lists, and documents with their values."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO

import click
from confluent_kafka import KafkaException

from agents.personal.term_lists import DIGEST_CHARS_MIN
from agents.spans import MENTION_WORDS_MAX, WORD
from agents.without_values import visible
from connectors.keyring.sealing import KeyringSealer
from edge.callers.api_keys import ApiKeys, keys_path
from edge.callers.caller import Caller, known_caller
from edge.cli.document_export import DocumentExport
from edge.cli.output import print_json
from edge.problems import Problem
from edge.requests.identity import Identities
from edge.requests.limits import TENANT
from edge.requests.personal_values import spellings
from edge.requests.policy_followed import PolicyFollowed
from edge.requests.validity import Refused
from schemas.registry import RegistryAway
from streams.log.codec import open_codec
from streams.log.configuration import load
from streams.log.configuration_log import ConfigurationLog
from streams.log.configuration_watch import ConfigurationsInForce, ConfigurationWatch
from streams.log.reading import new_consumer
from streams.log.writing import QueueFull, Writer
from streams.operations.options import Group, run_option
from streams.settings import Settings

REASON_MAX = 200
RESTORES = "restore"


@click.group("personal-data", cls=Group)
def personal_data() -> None:
    """Name personal values by digests, and hand documents out with their values.

    \b
    Example:
      playhead personal-data digest --tenant acme names.txt
      playhead personal-data export --tenant acme 6f9c1a52-… --reason "audit 12"
    """


@personal_data.command()
@click.option("--tenant", required=True, help="Tenant whose lists they are for.")
@click.argument("file", type=click.File(encoding="utf-8"), default="-")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@run_option
def digest(tenant: str, file: IO[str], as_json: bool, run: Path | None) -> None:
    """Print the keyed digest of each line, for `digests` of a list in redact's configuration.

    Configuration lies on the log in plain, a digest tells nobody its value. A value is found in any
    case and width; its spelling without accents has a digest of its own, which is printed too.

    \b
    Example:
      playhead personal-data digest --tenant acme names.txt
    """
    if not TENANT.fullmatch(tenant):
        raise click.BadParameter(f"{tenant!r} is no tenant", param_hint="--tenant")
    forms = dict.fromkeys(_forms(file))
    keyring = KeyringSealer(Settings.load(run=run))
    digests = [keyring.digest(tenant, form.encode())[:DIGEST_CHARS_MIN] for form in forms]
    if as_json:
        print_json({"digests": digests})
    else:
        click.echo("\n".join(digests), nl=bool(digests))


def _forms(file: IO[str]) -> Iterator[str]:
    """Yield what redaction digests of each value; raises ClickException, which tells no value."""
    try:
        for number, line in enumerate(file, start=1):
            value = visible(line).strip()
            words = len(WORD.findall(value))
            if not value:
                continue
            if not 0 < words <= MENTION_WORDS_MAX:
                raise click.ClickException(
                    f"line {number} has {words} words: values of 1 to {MENTION_WORDS_MAX} are "
                    "compared by digest; list a longer one by its parts"
                )
            yield from spellings(value)
    except UnicodeDecodeError:
        raise click.ClickException(f"{file.name} is no UTF-8: write it anew as such") from None


@personal_data.command()
@click.option("--tenant", required=True, help="Tenant that the document belongs to.")
@click.argument("document")
@click.option(
    "--key",
    envvar="PLAYHEAD_KEY",
    required=True,
    help="API key with the scope restore, or restore:TYPE.  [env var: PLAYHEAD_KEY]",
)
@click.option("--reason", default="", help="Why, for the record; it is kept in plain.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@run_option
def export(
    tenant: str, document: str, key: str, reason: str, as_json: bool, run: Path | None
) -> None:
    """Print a document with the values that the key may see in the place of placeholders.

    Who saw which values is written to the log first (`playhead.text.restored`). What was erased, or
    is not for this key, stays a placeholder. It runs beside the key store.

    \b
    Example:
      playhead personal-data export --tenant acme 6f9c1a52-… --reason "audit 12"
    """
    if len(reason) > REASON_MAX or not reason.isprintable():
        raise click.BadParameter(
            f"at most {REASON_MAX} characters, in one line", param_hint="--reason"
        )
    settings = Settings.load(run=run)
    keyring = KeyringSealer(settings)
    caller = allowed(tenant, key, settings, keyring)
    try:
        with ExitStack() as opened:
            exports = _exports(settings, keyring, opened)
            read, text = exports.export(caller, document, reason)
    except Refused as error:
        raise click.ClickException(str(error)) from None
    except (KafkaException, TimeoutError, QueueFull, RegistryAway) as error:
        raise click.ClickException(
            f"the log can't be read and written, so nothing is shown: {error}: `playhead status` "
            "tells what is away"
        ) from None
    assert read.document is not None
    if as_json:
        print_json(
            {
                "document_id": read.document.document,
                "version": read.document.version,
                "uri": read.document.uri,
                "chunks": [{"chunk_id": chunk, "text": said} for chunk, said in text.chunks],
                "shown": len(text.shown),
                "hidden": text.hidden,
                "kinds": sorted({entry.kind for entry in text.shown}),
            }
        )
        return
    sys.stdout.write("\n\n".join(said for _, said in text.chunks) + "\n")
    click.echo(
        f"{len(text.shown)} values were shown to {caller.user} by {caller.key}, which is on the "
        f"log; {text.hidden} stay placeholders",
        err=True,
    )


def _exports(settings: Settings, keyring: KeyringSealer, opened: ExitStack) -> DocumentExport:
    """Open what an export reads, opens and writes with; by the policy that is in force now."""
    consumer = opened.enter_context(closing(new_consumer(settings, "export")))
    writer = opened.enter_context(Writer(settings, "playhead-export"))
    codec = open_codec(settings)
    configurations = ConfigurationsInForce(load())
    watch = ConfigurationWatch(lambda: ConfigurationLog(settings, codec), configurations)
    opened.callback(watch.close)
    watch.look()
    policy = PolicyFollowed(configurations)
    return DocumentExport(codec, consumer, writer, keyring, Identities(settings.partitions), policy)


def allowed(tenant: str, key: str, settings: Settings, keyring: KeyringSealer) -> Caller:
    """Return whose key it is; raises ClickException for one that restores nothing here."""

    def subject_of(of: str, user: str) -> str:
        return keyring.subjects(of, keyring.digest(of, user.encode()))[-1]

    try:
        caller = known_caller(key, ApiKeys(keys_path(settings)), subject_of)
        caller.belongs_to(tenant)
        caller.need("read")
        if not any(scope.partition(":")[0] == RESTORES for scope in caller.scopes):
            caller.need(RESTORES)
    except Problem as problem:
        raise click.ClickException(problem.detail) from None
    return caller
