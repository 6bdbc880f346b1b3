"""`playhead policy retain`: withdraw what the policy in force lets nobody keep, and say what."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click
from confluent_kafka import Consumer, Message

from agents.errors import Permanent
from agents.policies.policy_in_force import rules_in
from agents.policies.rule_book import rule_book
from connectors.claims import claims_at
from connectors.keyring.sealing import KeyringSealer
from edge.requests.producer import Producer
from edge.requests.publishing import RequestPublisher
from edge.retention.kept_documents import (
    REASON,
    ExpiredDocument,
    KeptDocument,
    expired,
    kept_documents,
)
from schemas import DocumentSubmitted, DocumentWithdrawn
from streams.log.chosen_model import in_force
from streams.log.clock import now_us
from streams.log.codec import Codec, open_codec
from streams.log.configuration import POLICY, Configuration
from streams.log.configuration_log import ConfigurationLog
from streams.log.offsets import extent_of
from streams.log.reading import new_consumer, records
from streams.operations.erasures.erasure_reader import event_of, told_of_erasures
from streams.operations.erasures.held_people import held_people
from streams.operations.options import run_option
from streams.operations.printing import counted
from streams.running.producer_proof import ProducerProof
from streams.settings import Settings
from streams.topics import topic_of

SHOWN_MAX = 20  # documents; --json lists all


@click.command()
@click.option("--tenant", help="Only this tenant's documents.")
@click.option("--dry-run", is_flag=True, help="Say what would be withdrawn; write nothing.")
@run_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
def retain(tenant: str | None, dry_run: bool, run: Path | None, as_json: bool) -> None:
    """Withdraw documents that the policy in force says may be kept no longer.

    Each is withdrawn by a record that names its age, class and rule, so it is found no longer; its
    body outside the log (a claim) is deleted, and a replay counts it as erased. What lies on the
    log itself, and in archives, stays sealed there. What a legal hold keeps is left as it is, its
    body too, until `playhead erase release`. Run it daily.

    \b
    Example:
      playhead policy retain --dry-run
      playhead policy retain --tenant acme --json
    """
    settings = Settings.load(run=run)
    codec = open_codec(settings)
    policy = _policy(settings, codec)
    try:
        rules = rule_book(rules_in(policy.values)).of("keep")
        documents = kept_documents(_events(settings, codec, tenant))
        free = _not_held(settings, codec, documents)
        past = [] if rules is None else list(expired(documents, rules, policy.digest, now_us()))
        gone = [one for one in past if one.document in free]
    except Permanent as error:
        raise click.ClickException(str(error)) from None
    deleted = 0
    if not dry_run:
        _withdraw(settings, codec, gone)
        deleted = _delete_claims(settings, free)
    if as_json:
        told = {
            "policy": policy.digest,
            "governed": rules is not None,
            "documents": len(documents),
            "dry_run": dry_run,
            "withdrawn": [one.as_json() for one in gone],
            "held": len(past) - len(gone),
            "claims_deleted": deleted,
        }
        click.echo(json.dumps(told, indent=1, ensure_ascii=False))
        return
    _print(rules is not None, documents, gone, deleted, dry_run=dry_run)
    if len(past) > len(gone):
        click.echo(f"{counted(len(past) - len(gone), 'document')} kept for a legal hold")


def _policy(settings: Settings, codec: Codec) -> Configuration:
    log = ConfigurationLog(settings, codec)
    try:
        return log.read().in_force(POLICY, in_force(settings)[POLICY])
    finally:
        log.close()


def _events(
    settings: Settings, codec: Codec, tenant: str | None
) -> Iterator[DocumentSubmitted | DocumentWithdrawn]:
    """Read what was told of documents; what can't be read, or nobody proved, tells nothing."""
    consumer = new_consumer(settings, "retain")
    try:
        holds = ProducerProof.now(settings, codec).holds
        for kind in (DocumentSubmitted, DocumentWithdrawn):
            for message in _messages(consumer, topic_of(kind), settings.partitions):
                if tenant is not None and message.key() != tenant.encode():
                    continue
                event = event_of(codec, kind, message, holds)
                if isinstance(event, DocumentSubmitted | DocumentWithdrawn) and (
                    tenant in {None, event.meta.tenant}
                ):
                    yield event
    finally:
        consumer.close()


def _messages(consumer: Consumer, topic: str, partitions: int) -> Iterator[Message]:
    for lane in range(partitions):
        with closing(records(consumer, [extent_of(consumer, topic, lane)])) as messages:
            yield from messages


def _not_held(
    settings: Settings, codec: Codec, documents: Sequence[KeptDocument]
) -> list[KeptDocument]:
    """Return the documents that no legal hold keeps."""
    known = told_of_erasures(settings, codec, holds=ProducerProof.now(settings, codec).holds)
    holds = {one.tenant: tuple(known.holds(one.tenant)) for one in documents}
    if not any(holds.values()):
        return list(documents)
    keyring = KeyringSealer(settings)
    people = {tenant: held_people(keyring, tenant, of) for tenant, of in holds.items()}
    return [one for one in documents if not one.is_held(people[one.tenant])]


def _withdraw(settings: Settings, codec: Codec, gone: Iterable[ExpiredDocument]) -> None:
    """Put the withdrawals on the log; one that is there already is the same again."""
    must_sign = ProducerProof.now(settings, codec).asked
    publisher = RequestPublisher(settings, codec, client="retain", must_sign=must_sign)
    with Producer(settings, publisher=publisher) as producer:
        for one in gone:
            document = one.document
            producer.withdraw_document(
                document.tenant,
                document=document.document,
                reason=one.reason,
                fingerprint=f"retention|{document.newest.meta.request}",
            )
            document.withdrawn_us, document.reason = now_us(), one.reason


def _delete_claims(settings: Settings, documents: Iterable[KeptDocument]) -> int:
    """Delete the bodies of what was withdrawn for retention, now or by a run that did not end."""
    claims = claims_at(settings)
    return sum(
        claims.expire(name, one.reason)
        for one in documents
        if one.reason.startswith(REASON)
        for name in one.claims
    )


def _print(
    governed: bool,
    documents: list[KeptDocument],
    gone: list[ExpiredDocument],
    deleted: int,
    *,
    dry_run: bool,
) -> None:
    if not governed:
        click.echo("no rule of the policy in force speaks of keeping: everything is kept")
        return
    verb = "would be withdrawn" if dry_run else "withdrawn"
    bodies = "" if dry_run else f"; {counted(deleted, 'claim')} deleted"
    click.echo(f"{len(gone)} of {counted(len(documents), 'document')} {verb}{bodies}")
    for one in gone[:SHOWN_MAX]:
        told: dict[str, Any] = one.as_json()
        click.echo(f"  {told['tenant']} {told['uri']}: {one.reason.removeprefix(REASON)}")
    if len(gone) > SHOWN_MAX:
        click.echo(f"  … and {len(gone) - SHOWN_MAX} more: --json lists all")
