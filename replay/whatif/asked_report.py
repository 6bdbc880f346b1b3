"""What asking recorded questions again came to: of each, the first step that differs, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from replay.report import DIFFERS, EQUAL, NOT_VERIFIED
from replay.whatif.chain_walk import WalkedChain
from replay.whatif.outside import SubjectErased
from streams.operations.printing import counted

SHOWN_MAX = 20  # requests; --json has all


@dataclass
class AskedReport:
    """Counts requests, and lists those that came to something else."""

    requests: int = 0
    same: int = 0
    differs: list[dict[str, Any]] = field(default_factory=list)
    erased: int = 0
    not_run: list[dict[str, str]] = field(default_factory=list)
    left: int = 0
    """Requests that a cap kept from being run."""
    stopped: str = ""
    """Which cap."""
    calls: Counter[str] = field(default_factory=Counter)
    cost_micros: int = 0
    seconds: float = 0.0

    def add(self, walked: WalkedChain) -> None:
        """Take in what came of a request."""
        self.requests += 1
        if isinstance(walked.not_run, SubjectErased):
            self.erased += 1
        elif walked.not_run is not None:
            self.not_run.append({**_about(walked), "reason": str(walked.not_run)})
        elif walked.first_difference is None:
            self.same += 1
        else:
            self.differs.append(_told(walked))

    @property
    def status(self) -> int:
        """How a process exits that ran them: as `replay verify` does."""
        if self.differs:
            return DIFFERS
        return NOT_VERIFIED if self.not_run or self.left else EQUAL

    def as_json(self) -> dict[str, Any]:
        """Return it for `--json`."""
        return {**vars(self), "calls": dict(self.calls), "seconds": round(self.seconds, 3)}


def _about(walked: WalkedChain) -> dict[str, str]:
    meta = walked.chain.asked.meta
    return {"request_id": meta.request, "tenant": meta.tenant, "session": meta.session}


def _told(walked: WalkedChain) -> dict[str, Any]:
    """Tell the first step that differs, no plain value among it."""
    step, masked = walked.first_difference, walked.plain.masked
    assert step is not None
    assert step.difference is not None
    field_, recorded, now = step.difference
    effect = None
    if step.otherwise:
        effect = {name: _masked(one, masked) for name, one in step.otherwise[0].as_json().items()}
    return {
        **_about(walked),
        "step": step.step,
        "outcome": {"field": field_, "recorded": masked(recorded), "now": masked(now)},
        "effect": effect,
        "answered_otherwise": len(step.otherwise),
        "asked_otherwise": masked(step.strayed),
    }


def _masked(value: Any, masked: Any) -> Any:
    return masked(value) if isinstance(value, str) else value


def show_run(report: AskedReport, console: Console) -> None:
    """Print it for people."""
    for line in lines_of_run(report):
        console.print(line, soft_wrap=True)


def lines_of_run(report: AskedReport) -> Iterator[str]:
    """Say it in lines."""
    yield (
        f"{counted(report.requests, 'request')} run again: {report.same} as recorded, "
        f"{len(report.differs)} otherwise, {report.erased} erased, {len(report.not_run)} not run; "
        f"{counted(report.calls.total(), 'live call')}, {report.seconds:.1f} s"
    )
    if report.stopped:
        yield (f"{report.stopped}: {counted(report.left, 'request')} left")
    for one in report.differs[:SHOWN_MAX]:
        yield (f"{one['request_id']} ({one['tenant']}): {one['step']} differs")
        yield (f"  {_line(one['outcome'])}")
        effect = one["effect"]
        if effect:
            yield (f"  because effect {effect['effect']} ({effect['kind']}) {_line(effect)}")
        else:
            yield (f"  {one['asked_otherwise'] or 'no effect was answered otherwise'}")
    for one in report.not_run[:SHOWN_MAX]:
        yield (f"{one['request_id']} ({one['tenant']}) is not run: {one['reason']}")
    rest = max(0, len(report.differs) - SHOWN_MAX) + max(0, len(report.not_run) - SHOWN_MAX)
    if rest:
        yield (f"… and {rest} more: --json lists all")


def _line(told: dict[str, Any]) -> str:
    return f"{told['field'] or 'as a whole'}: recorded {told['recorded']}, now {told['now']}"
