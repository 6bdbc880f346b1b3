"""What `replay run` and `replay what-if` have in common: which questions, from where, and caps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from replay.archive_places import archive_option
from replay.configurations import Configurations
from replay.local_effects import local_handlers
from replay.log import Log
from replay.selection import Selection
from replay.whatif.outside import CallCaps, RequestKind
from replay.whatif.recorded_chains import RecordedChain, recorded_chains
from streams.log.codec import Codec
from streams.operations.options import NumberRange, microseconds, run_option
from streams.running.world import Handler
from streams.settings import Settings

MICROS = 1_000_000  # of the accounting currency
OPTIONS = (
    click.option("--request", help="Only this request."),
    click.option("--tenant", help="Only this tenant's requests."),
    click.option(
        "--since", callback=microseconds, help="Only requests from this time on (ISO 8601)."
    ),
    click.option(
        "--until", callback=microseconds, help="Only requests before this time (ISO 8601)."
    ),
    click.option("--sample", type=click.IntRange(1, 1_000_000), help="So many of them, drawn."),
    click.option(
        "--seed",
        type=click.IntRange(0, 2**31 - 1),
        default=0,
        show_default=True,
        help="Which are drawn: the same for the same seed.",
    ),
    click.option(
        "--max-calls", type=click.IntRange(0, 100_000_000), help="Live calls, at most so many."
    ),
    click.option(
        "--max-cost",
        type=NumberRange(0, 1_000_000_000),
        help="Price of live calls, in the accounting currency: none begins that would pass it.",
    ),
    archive_option,
    run_option,
    click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout."),
)


def asking_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True)
class RecordedQuestions:
    """The questions that were selected, and what they are run with."""

    codec: Codec
    local: dict[RequestKind, Handler]
    digest_key: Callable[[str], bytes]
    values: Callable[[str], dict[str, Any]]
    chains: Sequence[RecordedChain]


def questions_on(log: Log, settings: Settings, told: dict[str, Any]) -> RecordedQuestions:
    """Read the selected questions; raises UsageError where none is, LookupError for no request."""
    codec = Codec(log.ids)
    local, keyring = local_handlers(settings)
    recall = {kind: one for kind, one in keyring.handlers().items() if kind not in local}
    selection = Selection(told["tenant"], told["request"], told["since"], told["until"])
    chains = recorded_chains(log, codec, selection, told["sample"], told["seed"])
    if not chains:
        if told["request"]:
            raise click.UsageError(
                f"no question {told['request']} is on the log: name the request_id of an answer"
            )
        said = selection.described()
        raise click.UsageError(
            f"nothing is selected by {said}: no question fits"
            if said
            else "the log has no question"
        )
    return RecordedQuestions(
        codec,
        {**recall, **local},
        keyring.digest_key,
        Configurations(log, codec).values,
        chains,
    )


def caps_of(told: dict[str, Any]) -> CallCaps:
    """Return the caps that were asked for."""
    cost = told["max_cost"]
    return CallCaps(told["max_calls"], None if cost is None else round(cost * MICROS))
