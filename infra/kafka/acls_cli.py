"""`playhead acls`: what each component may do at the broker, said or put in force."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import click
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import (  # exported, as below
    AclBinding,
    AclOperation,
    AclPermissionType,
)
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType

from infra.kafka.acls import Acl, command_lines, granted
from streams.log.broker_access import client_settings
from streams.operations.options import run_option
from streams.settings import Settings

ANSWER_S = 30.0
RESOURCES = {"topic": "TOPIC", "group": "GROUP", "cluster": "BROKER"}
"""What the client calls them."""


@click.command()
@click.argument("components", nargs=-1, metavar="[ID]...")
@click.option(
    "--principal",
    default="",
    help="Who gets all of it, such as User:documents; default: User:playhead- and the name.",
)
@click.option("--apply", "applied", is_flag=True, help="Hand them to the broker.")
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def acls(
    components: tuple[str, ...], principal: str, run: Path | None, *, applied: bool, as_json: bool
) -> None:
    """Say what each component may do at the broker, or put it in force.

    It is said as commands of Kafka's own tool.

    Each step is a component, and so are gateway, producer, inbox-producer, sources, eraser,
    retention, exporter, auditor, sealer and operator; all of them where none is named. Applying
    adds, and takes nothing away.

    \b
    Example:
      playhead acls gateway --principal User:gateway
      playhead acls ingest embed index --principal User:documents --apply
    """
    settings = Settings.load(run=run)
    if principal and ":" not in principal:
        raise click.UsageError(f"--principal {principal}: write User:{principal}")
    try:
        rights = granted(components, principal)
    except KeyError as error:
        raise click.UsageError(str(error.args[0])) from None
    if applied:
        apply(settings, rights)
    if as_json:
        click.echo(json.dumps(_told(rights, applied=applied), indent=1))
    elif applied:
        count = sum(map(len, rights.values()))
        click.echo(f"{count} rights of {', '.join(rights)} are in force", err=True)
    else:
        click.echo("\n".join(command_lines(rights, settings.kafka)))


def apply(settings: Settings, rights: Mapping[str, Iterable[Acl]]) -> None:
    """Hand rights to the broker, which has some of them already, maybe.

    Raises KafkaException where it takes one not: it has no authorizer, or we may not.
    """
    bindings = [_binding(who, acl) for who, acls in rights.items() for acl in acls]
    admin = AdminClient({**client_settings(settings), "log_level": 0})
    for future in admin.create_acls(bindings, request_timeout=ANSWER_S).values():
        future.result(2 * ANSWER_S)


def _binding(principal: str, acl: Acl) -> AclBinding:
    return AclBinding(
        ResourceType[RESOURCES[acl.resource]],
        acl.name,
        ResourcePatternType.PREFIXED if acl.prefixed else ResourcePatternType.LITERAL,
        principal,
        "*",
        AclOperation[acl.operation],
        AclPermissionType.ALLOW,
    )


def _told(rights: Mapping[str, Iterable[Acl]], *, applied: bool) -> dict[str, object]:
    listed = {who: [acl._asdict() for acl in acls] for who, acls in rights.items()}
    return {"applied": applied, "principals": listed}
