"""`playhead policy …`: check a policy before it comes into force, explain what one decided."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from agents.configured.usability import Unusable
from agents.policies.policy_schema import ACTIONS
from agents.policies.rule_book import rule_book, rules_of
from replay.archive_places import ArchivePlace, archive_option
from replay.configurations import Configurations
from replay.log import Log
from replay.one_request import events_of
from replay.opening_logs import open_log
from replay.policies.policy_dry_run import ConfiguredValues, PolicyDryRun, summed_up
from replay.policies.policy_explained import explained_steps
from replay.policies.policy_printed import print_check, print_steps
from replay.policies.recorded_reads import SubmittedDocuments, recorded_read
from replay.policies.recorded_requests import answers_of, newest_retrievals, submitted_documents
from replay.recorded import Divergence
from replay.verdict_group import VerdictGroup
from streams.log.codec import Codec
from streams.log.configuration import POLICY, BadConfiguration, configuration
from streams.operations.configuring.policy_files import policy_in, warnings_of
from streams.operations.options import microseconds, run_option
from streams.operations.printing import console
from streams.settings import Settings

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document on stdout."
)


@click.group(cls=VerdictGroup)
def policy() -> None:
    """Check a policy before it comes into force, and explain what one decided.

    \b
    Example:
      playhead policy check rules.cedar --against requests
      playhead config set policy rules.cedar --note "salaries are for hr"
      playhead policy explain 5b0f2e0e-6a55-5ab4-9d56-0c2f3f1a2b3c
    """


@policy.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option(
    "--against",
    type=click.Choice(["requests"]),
    help="Decide again about requests that the log holds.",
)
@click.option("--tenant", help="Only this tenant's requests.")
@click.option("--since", callback=microseconds, help="Only requests from this time on (ISO 8601).")
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=1_000,
    show_default=True,
    help="The newest requests, so many.",
)
@click.option("--region", default="", help="Where they would be.  [default: as they were]")
@archive_option
@run_option
@json_option
def check(
    file: Path,
    against: str | None,
    tenant: str | None,
    since: int | None,
    limit: int,
    region: str,
    archive: ArchivePlace | None,
    run: Path | None,
    as_json: bool,
) -> None:
    """Say whether FILE is a policy that can be decided by, and what it would have changed.

    FILE holds rules in Cedar, or JSON as `config set policy` takes it; `-` reads standard input. A
    rule that does not parse, or speaks of what there is not, is told with line and column (exit
    status 1). Nothing is written. `--against requests` lists the documents that recorded answers
    rest on and would not be shown, those that would be shown, and models that would not be asked.

    \b
    Example:
      playhead policy check rules.cedar
      playhead policy check rules.cedar --against requests --tenant acme --since 2026-11-01
    """
    try:
        text = policy_in(file)
    except (Unusable, BadConfiguration) as error:
        raise click.ClickException(str(error)) from None
    document = _checked(text)
    if against is not None:
        with closing(open_log(archive, Settings.load(run=run))) as log:
            document["dry_run"] = _dry_run(log, text, tenant, since, limit, region)
    if as_json:
        click.echo(json.dumps(document, indent=1, ensure_ascii=False))
        return
    print_check(document, console(markup=False, highlight=False))


def _checked(text: str) -> dict[str, Any]:
    book = rule_book(text)
    values = {"cedar": text} if text else {}
    return {
        "digest": configuration(POLICY, values).digest,
        "rules": len(rules_of(text)),
        "actions": [action for action in ACTIONS if book.of(action)],
        "warnings": warnings_of(POLICY, values),
    }


def _dry_run(
    log: Log, text: str, tenant: str | None, since: int | None, limit: int, region: str
) -> dict[str, Any]:
    codec = Codec(log.ids)
    run = PolicyDryRun(
        text,
        region,
        _values_on(log, codec),
        SubmittedDocuments(submitted_documents(log, codec, tenant)),
    )
    retrievals = newest_retrievals(log, codec, tenant, since, limit)
    requests = frozenset(event.meta.request for event in retrievals)
    answers = answers_of(log, codec, tenant, requests)
    changed = [
        found
        for event in reversed(retrievals)
        if (
            found := run.changed(
                recorded_read(event, codec), answers.get((event.meta.tenant, event.meta.request))
            )
        )
    ]
    return summed_up(len(retrievals), changed)


def _values_on(log: Log, codec: Codec) -> ConfiguredValues:
    """Return what looks a configuration of a log up by its digest."""
    configurations = Configurations(log, codec)

    def values(digest: str) -> Mapping[str, Any]:
        try:
            return configurations.values(digest)
        except Divergence as error:
            raise LookupError(str(error)) from None

    return values


@policy.command()
@click.argument("request")
@archive_option
@run_option
@json_option
def explain(request: str, archive: ArchivePlace | None, run: Path | None, as_json: bool) -> None:
    """List what the policy in force decided about REQUEST, and by which rules.

    Each document that was found is decided about again, by the policy that the log holds.

    \b
    Example:
      playhead policy explain 5b0f2e0e-6a55-5ab4-9d56-0c2f3f1a2b3c --json
    """
    with closing(open_log(archive, Settings.load(run=run))) as log:
        codec = Codec(log.ids)
        steps = explained_steps(events_of(log, request), codec, _values_on(log, codec))
    if as_json:
        told = [step.as_json() for step in steps]
        click.echo(json.dumps({"request_id": request, "steps": told}, indent=1, ensure_ascii=False))
        return
    if not steps:
        click.echo("no policy decided about it: none was in force, or no rule spoke of it")
        return
    print_steps(steps, console(markup=False, highlight=False))
