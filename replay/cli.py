"""`playhead replay …`: the verbs that read the log again, each imported when it is called."""

from __future__ import annotations

import click

from replay.verdict_group import LateVerdictGroup
from streams.operations.options import Verb

VERBS = {
    "as-of": Verb(
        "replay.past.as_of_cli:as_of_command",
        "Search the index as it was WHEN: a position of the log, or a time (ISO 8601).",
    ),
    "debug": Verb(
        "replay.debugging.debug_cli:debug",
        "Run a step of REQUEST again under a debugger, on the effects that the log holds.",
    ),
    "export": Verb(
        "replay.export_cli:export_command",
        "Copy the log into TARGET, a new folder or s3://bucket/prefix: Avro files and a manifest.",
    ),
    "import": Verb(
        "replay.importing.import_cli:import_command",
        "Copy the archive SOURCE into an empty broker and registry, and compare what lies there "
        "then.",
    ),
    "lineage": Verb(
        "replay.lineage.lineage_cli:lineage_command",
        "Tell which documents came in, and which answers rest on them, as OpenLineage events.",
    ),
    "rebuild": Verb(
        "replay.rebuild.rebuild_cli:rebuild",
        "Build another generation of the index from the log, beside the one that answers.",
    ),
    "run": Verb(
        "replay.whatif.run_cli:run_command",
        "Ask recorded questions again, live, and say which step is the first that comes out "
        "otherwise.",
    ),
    "timeline": Verb(
        "replay.timeline_cli:timeline_command",
        "Follow ID from the edge to its last record: queueing, running and effects of each step.",
    ),
    "verify": Verb(
        "replay.verify_cli:verify",
        "Recompute every record from its recorded input and effects, and compare the bytes.",
    ),
    "what-if": Verb(
        "replay.whatif.whatif_cli:what_if",
        "Ask recorded questions again with something changed, and tell what comes out otherwise.",
    ),
}
"""The summaries stand here too, so that `playhead replay --help` loads none; a test compares."""


@click.group(cls=LateVerdictGroup, verbs=VERBS)
def replay() -> None:
    """Read the log again: verify it, export it, follow one request through it, ask it anew.

    What could not be read, since a broker, a registry, a bucket or a disk is away, ends a verb that
    judges with 3: neither as verified nor as different.

    \b
    Example:
      playhead replay verify
      playhead replay export /tmp/archive && playhead replay verify --archive /tmp/archive
    """
