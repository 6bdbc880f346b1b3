"""`playhead sources`: where documents come from, and following it."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from agents.chunk_policies import BY_KIND
from connectors.sources.findings import SourceAway
from connectors.sources.source_options import BadSource
from edge.cli.output import print_json
from edge.cli.source_watch import Awake, following
from edge.cli.sources_told import described, tell_run, tell_sources
from edge.requests import limits
from edge.sources.settling import Stalled
from edge.sources.source_desk import SourceDesk
from edge.sources.source_history import NoSuchSource, RunWish
from edge.sources.source_lock import SourceBusy
from edge.sources.source_log import NoSourceTopics
from schemas import SourceConfigured
from streams.operations.options import Group, NumberRange, run_option
from streams.operations.printing import counted
from streams.settings import Settings

BY_MAX = 100
TROUBLES = (BadSource, NoSuchSource, NoSourceTopics, SourceAway, SourceBusy, Stalled)
INTERRUPTED = "interrupted: what was handed in stands, and the same again goes on from there"
EVERY_S = 60.0
"""Between two looks of `--watch`, where nothing else tells of a change."""

tenant_option = click.option("--tenant", required=True, help="Tenant that the documents belong to.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
name_argument = click.argument("name", metavar="NAME")


@click.group("sources", cls=Group)
def sources() -> None:
    """Follow folders, buckets, sites and databases: hand in what changes, withdraw what goes.

    \b
    Example:
      playhead sources add handbook ./handbook --tenant acme
      playhead sources run handbook --tenant acme --dry-run
      playhead sources run handbook --tenant acme --watch
    """


@contextmanager
def desk_of(run: Path | None, tenant: str) -> Iterator[tuple[Settings, SourceDesk]]:
    """Open a tenant's sources, and have what can't be done end in one line that says so."""
    settings = Settings.load(run=run)
    with SourceDesk(settings, tenant) as desk:
        try:
            yield settings, desk
        except TROUBLES as error:
            raise click.ClickException(str(error)) from None


def option_of(_: click.Context, option: click.Parameter, given: Sequence[str]) -> dict[str, str]:
    """Read NAME=VALUE of each `-o`."""
    told: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{one[:40]!r}: write NAME=VALUE", param=option)
        if name in told:
            raise click.BadParameter(f"{name} is given twice", param=option)
        told[name] = value
    return told


def _name(_: click.Context, argument: click.Parameter, value: str) -> str:
    if not limits.TENANT.fullmatch(value):
        raise click.BadParameter(
            f"a source is called by 1 to {limits.TENANT_MAX} letters, digits, _ or -, the first a "
            "letter or digit",
            param=argument,
        )
    return value


@sources.command()
@click.argument("name", metavar="NAME", callback=_name)
@click.argument("location", metavar="LOCATION")
@tenant_option
@click.option(
    "-o",
    "--option",
    "options",
    metavar="NAME=VALUE",
    multiple=True,
    callback=option_of,
    help="What the kind of source takes; again for more.",
)
@click.option(
    "--policy",
    metavar="NAME",
    default=BY_KIND,
    help="How its documents are cut, as ingest is configured; without it each is cut as fits its "
    "kind.",
)
@click.option("--group", "groups", multiple=True, help="Readers; again for more.  [default: all]")
@click.option(
    "--rate",
    type=NumberRange(min=0, max=100_000),
    default=0.0,
    help="Documents a second at most; 0 for no bound.  [default: 0]",
)
@run_option
@json_option
def add(
    name: str,
    location: str,
    tenant: str,
    options: dict[str, str],
    policy: str,
    groups: tuple[str, ...],
    rate: float,
    run: Path | None,
    as_json: bool,
) -> None:
    """Set a source up, or up anew: LOCATION says what kind it is. Nothing is read yet.

    LOCATION is a folder, s3://BUCKET/PREFIX, https://HOST/PATH, the address of a database, or
    dlt:FILE.py#FUNCTION. Credentials are named where they are, env:NAME or file:PATH: what is
    told here is kept for ever. docs/how-to/sources.md has the options of each kind.

    \b
    Example:
      playhead sources add handbook ./handbook --tenant acme -o 'exclude=drafts/*'
      playhead sources add site https://acme.test/docs/ --tenant acme -o pages=500
      playhead sources add files s3://acme-docs/public/ --tenant acme -o region=eu-central-1
      playhead sources add articles sqlite:///shop.db --tenant acme -o table=articles -o key=id
    """
    with desk_of(run, tenant) as (_, desk):
        configured, there_was = desk.add(
            name, location, options, chunk_policy=policy, groups=groups, rate=rate, by=_user()
        )
    if as_json:
        print_json(described(configured) | {"changed": there_was})
    how = "set up anew" if there_was else "set up"
    click.echo(
        f"{tenant}: source {name} ({configured.kind}) is {how}; "
        f"`playhead sources run {name} --tenant {tenant} --dry-run` says what it has",
        err=True,
    )


@sources.command("list")
@tenant_option
@run_option
@json_option
def list_(tenant: str, run: Path | None, as_json: bool) -> None:
    """List a tenant's sources, how many documents each holds, and how it ran last.

    \b
    Example:
      playhead sources list --tenant acme
    """
    with desk_of(run, tenant) as (_, desk):
        listed = desk.listed()
    tell_sources(tenant, listed, as_json=as_json)


@sources.command()
@name_argument
@tenant_option
@click.option("--dry-run", "dry", is_flag=True, help="Say what would change; write nothing.")
@click.option("--full", is_flag=True, help="Read all rows in spite of a cursor: finds deletions.")
@click.option(
    "--allow-deletions", is_flag=True, help="Withdraw though more than half of the documents went."
)
@click.option("--take-over", is_flag=True, help="Do so though a run elsewhere did not end.")
@click.option("--wait", is_flag=True, help="Return when what was handed in can be searched.")
@click.option("--watch", is_flag=True, help="Go on: run again whenever something may have changed.")
@click.option(
    "--every",
    type=NumberRange(min=1, max=86_400),
    default=EVERY_S,
    help=f"Seconds between looks of --watch; a folder tells of changes at once.  "
    f"[default: {EVERY_S:g}]",
)
@run_option
@json_option
def run(
    name: str,
    tenant: str,
    dry: bool,
    full: bool,
    allow_deletions: bool,
    take_over: bool,
    wait: bool,
    watch: bool,
    every: float,
    run: Path | None,
    as_json: bool,
) -> None:
    """Follow a source: hand in what is new or changed, withdraw what is gone.

    What can't be read is told and left out. Exits 1 where a document failed, or where more than
    half of them went: nothing is withdrawn then. A run that was cut off goes on where it stopped.
    Documents are cut and indexed after they were handed in: --wait tells which of them can't be,
    and why, those of the run before among them.

    \b
    Example:
      playhead sources run handbook --tenant acme --dry-run
      playhead sources run handbook --tenant acme --wait
      playhead sources run handbook --tenant acme --watch --every 300
    """
    if watch and (dry or as_json):
        raise click.UsageError("--watch goes on and on: leave out --dry-run and --json")
    if wait and (dry or watch):
        raise click.UsageError("--wait waits for what one run hands in: leave out the other")
    wish = RunWish(dry, full, allow_deletions, take_over, wait)
    with desk_of(run, tenant) as (_, desk):
        configured = desk.configured(name)
        if watch:
            _keep_following(desk, tenant, configured, wish, every)
        try:
            with following(name, wait=wait) as watcher:
                report = desk.run(configured, wish, watcher)
        except KeyboardInterrupt:
            raise click.ClickException(INTERRUPTED) from None
    if as_json:
        print_json({"source": name, "tenant": tenant, "dry_run": dry} | report.as_json())
    tell_run(tenant, name, report, dry=dry)
    if not report.went_well:
        sys.exit(1)


def _keep_following(
    desk: SourceDesk, tenant: str, configured: SourceConfigured, wish: RunWish, every_s: float
) -> None:
    """Follow until somebody ends it; a source that is away or busy now may not be later."""
    folder = Path(configured.location) if configured.kind == "folder" else None
    awake = Awake(folder, every_s)
    click.echo(f"{tenant}: source {configured.source} is followed; Ctrl-C ends it", err=True)
    quiet = replace(wish, quiet=True, take_over=False)
    while True:
        try:
            report = desk.run(configured, wish)
        except SourceBusy as error:
            if wish is not quiet:
                raise  # somebody follows it already, maybe for as long as this one would
            click.echo(str(error), err=True)
        except SourceAway as error:
            click.echo(str(error), err=True)
        else:
            if report.changed_something:
                tell_run(tenant, configured.source, report, brief=True)
        awake.wait()
        wish = quiet
        configured = desk.configured(configured.source)


@sources.command()
@name_argument
@tenant_option
@click.option("--withdraw", is_flag=True, help="Withdraw its documents.  [default: they stay]")
@run_option
@json_option
def remove(name: str, tenant: str, withdraw: bool, run: Path | None, as_json: bool) -> None:
    """Take a source away; its documents stay, unless they are to be withdrawn.

    What another source has too stays in any case. A source that is added again by the same name
    goes on with what was seen.

    \b
    Example:
      playhead sources remove handbook --tenant acme --withdraw
    """
    with desk_of(run, tenant) as (_, desk):
        report = desk.remove(desk.configured(name), withdraw=withdraw, by=_user())
    removed = report.counts["removed"]
    if as_json:
        print_json({"source": name, "tenant": tenant, "withdrawn": removed, "notes": report.notes})
    for note in report.notes:
        click.echo(note, err=True)
    what = f"{counted(removed, 'document')} withdrawn" if withdraw else "its documents stay"
    click.echo(f"{tenant}: source {name} is removed; {what}", err=True)


def _user() -> str:
    try:
        return getpass.getuser()[:BY_MAX]
    except (OSError, KeyError):  # no such user on this host
        return ""
