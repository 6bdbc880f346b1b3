"""`playhead erase`: erase a person, say what is held of them, and hold them against erasure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from getpass import getuser
from pathlib import Path
from typing import IO, Any

import click
from confluent_kafka import KafkaException

from agents.errors import Transient
from connectors.keyring.sealing import KeyringSealer
from edge.cli.output import print_json
from edge.erasing.erasure_desk import (
    ErasureDesk,
    PersonHeld,
    PersonState,
    UnknownPerson,
    held_json,
    instant,
    report_of,
)
from edge.erasing.named_person import NamedPerson, named_person
from edge.requests.publishing import RequestPublisher
from edge.requests.validity import Refused
from schemas import LegalHoldSet
from schemas.registry import RegistryAway
from streams.log.codec import open_codec
from streams.operations.erasures.erasure_reader import holdings_of, told_of_erasures
from streams.operations.erasures.held_people import held_people
from streams.operations.erasures.holdings import Holdings
from streams.operations.erasures.named_subjects import subjects_named
from streams.operations.options import Group, NumberRange, run_option
from streams.running.producer_proof import ProducerProof
from streams.settings import Settings

WAIT_S, WAIT_MAX_S = 120.0, 86_400.0
SHOWN_MAX = 10  # documents; --json lists all
KINDS = {
    "questions": "questions",
    "answers": "answers",
    "feedback": "comments on answers",
    "notes": "reviewers' notes on their answers",
    "values": "values in their conversations and documents",
    "named_values": "values that were named, wherever they stand",
    "documents": "versions of documents of their own",
}
HELD_VALUES = ("values", "named_values")


class EraseGroup(Group):
    """Erases by itself; its verbs hold and release."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show that no verb is needed."""
        formatter.write_usage(ctx.command_path, "[OPTIONS] | hold | release | holds")


tenant_option = click.option("--tenant", help="Tenant that the person belongs to.")
subject_option = click.option(
    "--subject", help="What the user's API keys call them, or the keyed digest that records hold."
)
value_option = click.option(
    "--value", "values", multiple=True, help="A name, number or address of theirs; may be repeated."
)
document_option = click.option(
    "--document", "documents", multiple=True, help="Id of a document of their own; as a whole."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group("erase", cls=EraseGroup, invoke_without_command=True)
@tenant_option
@subject_option
@value_option
@click.option(
    "--values",
    "listed",
    type=click.File(encoding="utf-8"),
    help="The same from a file, one a line; - reads stdin.",
)
@document_option
@click.option("--reason", default="", help="Why, for the record; it is kept in plain.")
@click.option("--dry-run", is_flag=True, help="Say what is held; destroy nothing.")
@click.option(
    "--wait",
    "wait_s",
    type=NumberRange(0, WAIT_MAX_S),
    default=WAIT_S,
    show_default=True,
    help="Seconds to wait for the worker.",
)
@json_option
@run_option
@click.pass_context
def erase(
    context: click.Context,
    tenant: str | None,
    subject: str | None,
    values: tuple[str, ...],
    listed: IO[str] | None,
    documents: tuple[str, ...],
    reason: str,
    dry_run: bool,
    wait_s: float,
    as_json: bool,
    run: Path | None,
) -> None:
    """Erase a person: destroy their keys, for good, and drop what was made with them.

    What they wrote can't be opened any more, on the log, in archives and in later copies of the key
    store. Proofs hold, and a replay counts their records as erased. Values that others mention too
    stay, unless they are named. Nothing brings any of it back.

    \b
    Example:
      playhead erase --tenant acme --subject jane --dry-run
      playhead erase --tenant acme --subject jane --value "Jane Doe" --value "+49 30 1234567"
      playhead erase hold --tenant acme --subject jane --reason "case 4711"
    """
    if context.invoked_subcommand is not None:
        return
    if not tenant or not subject:
        raise click.UsageError("name whom: --tenant T --subject S")
    if listed is not None:
        values = (*values, *_lines(listed))
    settings = Settings.load(run=run)
    with _counter(settings) as (desk, keyring):
        named = named_person(keyring, tenant, subject, values, documents)
        before = desk.look(named)
        is_there = before.state in {"active", "held"}
        found = _found(settings, keyring, named, desk.holds(tenant)) if is_there else None
        if found is not None and found.kept and before.state == "active":
            before = PersonState("held", found.kept, before.erasure)
        if dry_run:
            _say(named, before, found, as_json=as_json, dry_run=True)
            return
        if found is not None and not as_json:
            _say_held(found)
        if before.state == "held":
            raise PersonHeld(before.reason)
        state = desk.ask(named, by=_operator(), reason=reason)
        if state.state == "requested":
            state = desk.wait(named, wait_s)
    _say(named, state, found, as_json=as_json)
    if state.state != "erased":
        raise click.ClickException(_unfinished(state, wait_s))


def _unfinished(state: PersonState, wait_s: float) -> str:
    if state.state == "requested":
        return (
            f"the request is on the log and no worker has executed it within {wait_s:g} s: it will "
            "be when one runs; `playhead status` tells, the same command tells the rest"
        )
    return f"it was not executed: {state.reason or state.state}"


@erase.command()
@tenant_option
@subject_option
@value_option
@document_option
@click.option("--reason", required=True, help="Why, for the record; it is kept in plain.")
@click.option(
    "--unknown", is_flag=True, help="Hold somebody of whom there is nothing yet, such as a witness."
)
@json_option
@run_option
def hold(
    tenant: str | None,
    subject: str | None,
    values: tuple[str, ...],
    documents: tuple[str, ...],
    reason: str,
    unknown: bool,
    as_json: bool,
    run: Path | None,
) -> None:
    """Forbid that a person is erased (a legal hold), and say what is held of them.

    Kept are what they wrote, documents of theirs, and values that these mention, whoever is erased
    or however old they are. A name that nobody has is refused: it may be a slip of the pen.

    \b
    Example:
      playhead erase hold --tenant acme --subject jane --reason "case 4711"
    """
    if not tenant or not subject:
        raise click.UsageError("name whom: --tenant T --subject S")
    settings = Settings.load(run=run)
    with _counter(settings) as (desk, keyring):
        named = named_person(keyring, tenant, subject, values, documents)
        found = _found(settings, keyring, named, ())
        if not (unknown or desk.is_user(named) or found.documents):
            raise UnknownPerson(
                "nothing is held of this person: no message of a user of this name, and no "
                "document of theirs; name the user as `playhead keys list` does, or say --unknown "
                "to hold them all the same"
            )
        event = desk.hold(named, held=True, by=_operator(), reason=reason)
    kinds = [held_json(one) for one in found.held()]
    if as_json:
        told = _hold_json(event)
        print_json({**told, "keeps": kinds, "keeps_documents": sorted(found.documents)})
        return
    click.echo(f"{event.subject[:12]}… is held: no erasure and no retention touches what there is:")
    _say_kinds(kinds)
    if found.documents:
        click.echo(f"  kept: {_some(sorted(found.documents))}")


@erase.command()
@tenant_option
@subject_option
@click.option("--reason", default="", help="Why, for the record; it is kept in plain.")
@json_option
@run_option
def release(
    tenant: str | None, subject: str | None, reason: str, as_json: bool, run: Path | None
) -> None:
    """End a legal hold.

    \b
    Example:
      playhead erase release --tenant acme --subject jane --reason "case 4711 is closed"
    """
    if not tenant or not subject:
        raise click.UsageError("name whom: --tenant T --subject S")
    with _counter(Settings.load(run=run)) as (desk, keyring):
        named = named_person(keyring, tenant, subject)
        event = desk.hold(named, held=False, by=_operator(), reason=reason)
    if as_json:
        print_json(_hold_json(event))
        return
    click.echo(f"{event.subject[:12]}… is released")


@erase.command()
@click.option("--tenant", required=True, help="Tenant whose holds they are.")
@json_option
@run_option
def holds(tenant: str, as_json: bool, run: Path | None) -> None:
    """List the legal holds in force; people are told by their keyed digests.

    \b
    Example:
      playhead erase holds --tenant acme
    """
    with _counter(Settings.load(run=run)) as (desk, _):
        found = desk.holds(tenant)
    if as_json:
        print_json({"holds": [_hold_json(one) for one in found]})
        return
    for one in found:
        click.echo(f"{one.subject}  since {instant(one.meta.at)} by {one.by}: {one.reason}")
    if not found:
        click.echo("no holds")


def _hold_json(event: LegalHoldSet) -> dict[str, Any]:
    return {
        "tenant": event.meta.tenant,
        "subject": event.subject,
        "held": event.held,
        "values": len(event.values),
        "documents": list(event.documents),
        "reason": event.reason,
        "by": event.by,
        "at": instant(event.meta.at),
    }


@contextmanager
def _counter(settings: Settings) -> Iterator[tuple[ErasureDesk, KeyringSealer]]:
    """Open the desk, and tell its errors as the command line does."""
    try:
        codec = open_codec(settings)
        keyring = KeyringSealer(settings)
        proof = ProducerProof.now(settings, codec)
        read = partial(told_of_erasures, settings, codec, holds=proof.holds)
        with closing(
            RequestPublisher(settings, codec, client="erase", must_sign=proof.asked)
        ) as publisher:
            yield ErasureDesk(keyring, publisher, read, settings.partitions, edge="erase"), keyring
    except (Refused, Transient) as error:
        raise click.ClickException(str(error)) from None
    except (KafkaException, TimeoutError, RegistryAway) as error:
        why = error.args[0].str() if isinstance(error, KafkaException) else error
        raise click.ClickException(
            f"the log can't be read and written ({why}): `playhead status` tells what is away"
        ) from None


def _lines(listed: IO[str]) -> list[str]:
    try:
        return [line.strip() for line in listed if line.strip()]
    except UnicodeDecodeError:
        raise click.ClickException(f"{listed.name} is no UTF-8: write it anew as such") from None


def _operator() -> str:
    try:
        return getuser()
    except (OSError, KeyError):
        return "operator"


def _found(
    settings: Settings, keyring: KeyringSealer, named: NamedPerson, holds: Iterable[LegalHoldSet]
) -> Holdings:
    """Look through the log for what there is of a person, beside what holds keep for others."""

    def is_subject(name: str) -> bool:
        return named.subject in subjects_named(keyring, named.tenant, name)

    held, codec = held_people(keyring, named.tenant, holds), open_codec(settings)
    proof = ProducerProof.now(settings, codec)
    return holdings_of(settings, codec, named.person, is_subject, held, holds=proof.holds)


# ---------------------------------------------------------------------- what is told


def _say(
    named: NamedPerson,
    state: PersonState,
    found: Holdings | None,
    *,
    as_json: bool,
    dry_run: bool = False,
) -> None:
    told = report_of(named, state)
    if found is not None:
        told.setdefault("held", [held_json(one) for one in found.held()])
        told.setdefault("documents", sorted(found.documents))
        told["mentioning"] = sorted(found.mentioning)
    if as_json:
        print_json({**told, "dry_run": dry_run})
        return
    if state.state == "unknown":
        click.echo("nothing is held of this person")
    elif dry_run and found is not None:
        _say_held(found)
        hold = f", but for a legal hold: {state.reason}" if state.state == "held" else ""
        click.echo(f"nothing was touched; without --dry-run all of it would be erased{hold}")
    elif state.state == "erased":
        _say_erased(told)


def _say_held(found: Holdings) -> None:
    click.echo("held until now:")
    _say_kinds([held_json(one) for one in found.held()])
    if found.documents:
        click.echo(f"  to be withdrawn: {_some(sorted(found.documents))}")
    if found.mentioning:
        click.echo(
            f"  mentioned in documents of others: {_some(sorted(found.mentioning))}. They stay, "
            "with placeholders; what they said before redaction stays sealed under the documents' "
            "keys: hand them in anew without the person, or name them with --document"
        )


def _say_erased(told: Mapping[str, Any]) -> None:
    click.echo(
        f"erased at {told['erased_at']} (request {told['request_id']}): "
        f"{told['keys_destroyed']} keys were destroyed"
    )
    _say_kinds(told["held"])
    if told["documents"]:
        click.echo(f"  withdrawn: {_some(told['documents'])}")


def _say_kinds(held: Sequence[Mapping[str, Any]]) -> None:
    for one in held:
        shared = (
            f", {one['shared']} of them in texts of others too, where they stay"
            if one["shared"]
            else ""
        )
        kind = KINDS.get(one["kind"], one["kind"])
        click.echo(f"  {one['count']:>6} {kind}, since {one['since']}{shared}")
    if not held:
        click.echo("  no message or document")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN_MAX} more" if len(names) > SHOWN_MAX else ""
    return ", ".join(names[:SHOWN_MAX]) + more
