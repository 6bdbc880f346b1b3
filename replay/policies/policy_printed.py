"""What the verbs of `playhead policy` print for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from replay.policies.policy_explained import ExplainedStep
from replay.terminal import DIGITS, told_decision
from streams.operations.printing import counted

DOCUMENTS_MAX = 40  # of a request: --json lists all


def print_check(document: Mapping[str, Any], out: Console) -> None:
    """Print what was found of a policy."""
    spoken = ", ".join(document["actions"]) or "nothing"
    out.print(
        f"{counted(document['rules'], 'rule')} on {spoken}: it can be decided by, as "
        f"{document['digest'][:DIGITS]}"
    )
    for warning in document["warnings"]:
        out.print(f"warning: {warning}", soft_wrap=True)
    if "dry_run" in document:
        _print_dry_run(document["dry_run"], out)


def _print_dry_run(told: Mapping[str, Any], out: Console) -> None:
    out.print(
        f"{told['changed']} of {counted(told['requests'], 'request')} would have gone otherwise: "
        f"{counted(told['documents_hidden'], 'document')} hidden, {told['documents_shown']} shown, "
        f"{counted(told['hosts_refused'], 'model')} not asked, "
        f"{counted(told['requests_refused'], 'request')} refused",
        soft_wrap=True,
    )
    for example in told["examples"]:
        for line in _lines(example):
            out.print(f"  {example['request_id']} {line}", soft_wrap=True)
    left = told["changed"] - len(told["examples"])
    if left > 0:
        out.print(f"  … and {left} more")


def _lines(example: Mapping[str, Any]) -> Iterator[str]:
    if example["refused_by"]:
        yield f"refused by {_names(example['refused_by'])}"
    for verb in ("hidden", "shown"):
        for one in example[verb]:
            yield f"{verb}: {one['uri'] or one['document']} by {_names(one['rules'])}"
    if example["host"]:
        yield f"not asked: {example['host']} by {_names(example['host_rules'])}"


def _names(rules: Sequence[str]) -> str:
    return ", ".join(map(repr, rules)) or "no rule"


def print_steps(steps: Sequence[ExplainedStep], out: Console) -> None:
    """Print what was decided, step by step."""
    for step in steps:
        for decision in step.decisions:
            out.print(f"{step.step}: {told_decision(decision)}", soft_wrap=True)
        if step.lacking:
            out.print(f"  documents are not told one by one: {step.lacking}", soft_wrap=True)
        if step.documents:
            out.print(_documents(step))
        if (more := len(step.documents) - DOCUMENTS_MAX) > 0:
            out.print(f"  … and {more} more: --json lists all")


def _documents(step: ExplainedStep) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("", "document", "class", "groups", "rules"):
        table.add_column(heading, overflow="fold")
    denied_first = sorted(step.documents, key=lambda row: row[2].allowed)
    for told, name, made in denied_first[:DOCUMENTS_MAX]:
        table.add_row(
            "shown" if made.allowed else "hidden",
            told.uri if told and told.uri else name,
            told.metadata.get("class", "") if told else "",
            ", ".join(told.groups) if told else "",
            _names(made.rules),
        )
    return table
