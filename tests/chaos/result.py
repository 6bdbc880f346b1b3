"""What a run of the harness found, as a table for people and as JSON."""

import resource
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from replay.report import Report
from tests.chaos.failure_kinds import kinds_in
from tests.chaos.fairness import out_of_turn
from tests.chaos.faults.happening import Effects
from tests.chaos.judgement import Judgement
from tests.chaos.memory import Growth
from tests.chaos.plan import Plan, bound
from tests.chaos.profiles import KINDS, LOSSES, TOPICS, includes, kinds_of
from tests.chaos.quantiles import quantiles, spelled

EXAMPLE_CHARS = 400  # of a line of the table
HIT = ("kill", "stop", "pause", "broker", "registry", "connector", "outage", *KINDS)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{what.replace('_', ' ')} {number}" for what, number in counts.items())


@dataclass
class Result:
    """How a run went."""

    plan: Plan
    judged: Judgement
    verified: Report
    done: Counter[str]
    """Faults by kind; `died` counts workers that ended by themselves."""
    stuck: list[str] = field(default_factory=list)
    """Workers that would not stop, requests that had no end in time, records the broker did not take."""
    recoveries: dict[str, list[float]] = field(default_factory=dict)
    """For each kind of fault: until every lane of every step went on, in seconds, other faults included."""
    alone: dict[str, list[float]] = field(default_factory=dict)
    """The same of faults that no other one fell into."""
    delays: list[float] = field(default_factory=list)
    """From the publication of each request to its end, in seconds."""
    drained_s: float = 0.0
    """From the last fault and the last request to the last end."""
    outage: dict[str, float] = field(default_factory=dict)
    """Of an outage, in seconds: how long, then until all lanes went on and until what had waited had its end."""
    copies: int = 0
    """Requests published again under the same id."""
    parts: Mapping[str, list[float]] = field(default_factory=dict)
    """What passed between kills and the moment at which work went on, in seconds."""
    growth: Sequence[Growth] = ()
    """Memory of workers, by role."""
    edge: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """What was done to the gateway, and what its clients lived through."""
    flooded_s: Sequence[float] = ()
    """How long neighbours of a flood waited for their ends while it was worked off,"""
    quiet_s: Sequence[float] = ()
    """and else."""
    seconds: float = 0.0
    stood_s: float = 0.0
    """How long load and faults stood still, for too much waited."""
    judging_s: float = 0.0
    verifying_s: float = 0.0
    log_bytes: int = 0
    """Size of the broker's data."""
    effects: Effects = field(default_factory=dict)
    """What the faults of the profile were seen to do."""

    @property
    def kills(self) -> int:
        """Workers that were killed."""
        return self.done["kill"]

    @property
    def failures(self) -> list[str]:
        """Everything that is wrong."""
        few = [f"only {self.kills} of {self.plan.kills} kills"] * (self.kills < self.plan.kills)
        died = self.done["died"]
        ended = [f"{died} workers ended by themselves: see their logs"] * bool(died)
        return [
            *self.stuck,
            *self.judged.failures,
            *self._not_verified(),
            *few,
            *ended,
            *self._idle_faults(),
            *self._strained(),
        ]

    def _not_verified(self) -> list[str]:
        """Name what verify says against the log: the reason first, for what is of one kind has one."""
        return [
            f"verify, {name}: {entry.reason}: {entry.as_json()}"
            for name in ("diverged", "unreadable", "unverifiable")
            for entry in getattr(self.verified, name)
        ]

    def _idle_faults(self) -> list[str]:
        """Name the kinds of the profile that never came, or that nothing was seen of."""
        kinds = [] if self.plan.outage else list(kinds_of(self.plan.profile))
        kinds += LOSSES if includes(self.plan.profile, TOPICS) else ()
        return [
            f"{kind} was injected {self.done[kind]} times, and nothing was seen of it"
            for kind in kinds
            if not any(self.effects.get(kind, {}).values())
        ]

    def _strained(self) -> list[str]:
        """Name turns that were not fair and memory that grows."""
        grown = [wrong for growth in self.growth for wrong in growth.failures]
        return [*out_of_turn(self.judged.later), *grown]

    def _recovery(self, kind: str, times: list[float]) -> str:
        alone = quantiles(self.alone.get(kind, []))
        return f"{spelled(quantiles(times))}; of {alone['count']} alone: {spelled(alone)}"

    def as_json(self) -> dict[str, Any]:
        """Return all of it."""
        return {
            "failed": bool(self.failures),
            "command": self.plan.command(),
            "plan": asdict(self.plan),
            "fakes": "steps and connectors are fakes that answer at once; the rest is real",
            "faults": dict(self.done),
            "effects": {kind: dict(seen) for kind, seen in self.effects.items()},
            "counts": self.judged.counted(),
            "copies_published": self.copies,
            "failures": self.failures,
            "failure_kinds": [asdict(one) for one in kinds_in(self.failures)],
            "verify": {**self.verified.as_json(), "diverged": len(self.verified.diverged)},
            "recovery_s": {kind: quantiles(times) for kind, times in self.recoveries.items()},
            "recovery_alone_s": {kind: quantiles(times) for kind, times in self.alone.items()},
            "delay_s": quantiles(self.delays),
            "kill_parts_s": {name: quantiles(times) for name, times in self.parts.items()},
            "fairness": self._fairness(),
            "edge": dict(self.edge),
            "memory": [asdict(growth) for growth in self.growth],
            "drained_s": round(self.drained_s, 3),
            "outage_s": self.outage,
            "bound": {
                "requests": bound(self.judged.requests),
                "hops": bound(self.judged.inputs),
                "kills": bound(self.kills),
                "confidence": 0.95,
            },
            "seconds": round(self.seconds, 1),
            "stood_s": round(self.stood_s, 1),
            "judging_s": round(self.judging_s, 1),
            "verifying_s": round(self.verifying_s, 1),
            "log_bytes": self.log_bytes,
            "harness_mib": {
                "driver": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                "largest_child": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
            },
        }

    def _fairness(self) -> dict[str, Any]:
        flooded, quiet = quantiles(self.flooded_s), quantiles(self.quiet_s)
        both = flooded["count"] and quiet["count"]
        return {
            "flooded_s": flooded,
            "quiet_s": quiet,
            "p95_ratio": round(flooded["p95"] / max(quiet["p95"], 1e-3), 2) if both else None,
            "behind_later": quantiles(self.judged.later),
            "passed": quantiles(self.judged.passed),
        }

    def __str__(self) -> str:
        lines = [*self._about_load(), *self._about_records(), *self._about_times()]
        lines += self._about_failures() if self.failures else [("bound", self._bound())]
        return "\n".join(f"{name:<15} {text}" for name, text in lines)

    def _about_load(self) -> list[tuple[str, str]]:
        judged, done = self.judged, self.done
        asked = (
            f"{judged.requests}: {judged.answered} answered, {judged.rejected} rejected; "
            f"{self.copies} published twice, {judged.unreadable} unreadable besides; "
            f"{judged.unheard} of clients that gave up before they heard"
        )
        starts = (
            f"{done['start']}, {done['some steps']} with some steps, "
            f"{done['wrong clock']} with a wrong clock, "
            f"{done['small memory']} with little memory; {done['died']} ended by themselves, "
            f"{done['excused']} under faults that allow it"
        )
        return [
            ("seed", f"{self.plan.seed}, {self.plan.workers} workers; fake steps and connectors"),
            ("requests", asked),
            ("records", f"{judged.records}, {judged.inputs} events taken by steps"),
            ("faults", ", ".join(f"{kind} {done[kind]}" for kind in HIT if done[kind]) or "none"),
            *((f"of {kind}", _listed(seen)) for kind, seen in self.effects.items()),
            ("starts", starts),
            *((f"edge {name}", _listed(counts)) for name, counts in self.edge.items()),
        ]

    def _about_records(self) -> list[tuple[str, str]]:
        judged, verified = self.judged, self.verified
        wrong = {name: len(lines) for name, lines in judged.wrong().items()}
        repeats = (
            f"{judged.dropped} duplicates dropped, {judged.superseded} records superseded, "
            f"{judged.repeated} runs repeated, {judged.copies} equal copies; at most "
            f"{judged.most_attempts} runs over one input, {judged.most_repeated} to the end"
        )
        effects = (
            f"{judged.calls} calls answered, one effect at most {judged.most_calls} times; "
            f"{judged.told} questions told of answers; {judged.newer} records of another version"
        )
        verify = (
            f"{verified.equal} equal, {len(verified.diverged)} diverged, "
            f"{len(verified.unverifiable)} unverifiable, {len(verified.unreadable)} unreadable, "
            f"{verified.superseded} superseded, {self.verifying_s:.0f} s"
        )
        return [
            ("wrong", ", ".join(f"{name} {number}" for name, number in wrong.items())),
            ("offsets", f"{judged.samples} samples; {judged.pending} inputs pending at the end"),
            ("repeats", repeats),
            ("effects", effects),
            ("verify", verify),
        ]

    def _about_times(self) -> list[tuple[str, str]]:
        return [
            ("delay", spelled(quantiles(self.delays))),
            *(
                (f"after {kind}", self._recovery(kind, times))
                for kind, times in self.recoveries.items()
            ),
            *(("  " + name, spelled(quantiles(times))) for name, times in self.parts.items()),
            ("fairness", self._about_fairness()),
            *(("memory", str(growth)) for growth in self.growth),
            ("drained", f"{self.drained_s:.1f} s after the last request"),
            *((name.replace("_s", ""), f"{value:.1f} s") for name, value in self.outage.items()),
            ("seconds", self._about_seconds()),
        ]

    def _about_seconds(self) -> str:
        stood = f" and {self.stood_s:.0f} while too much waited for more" * bool(self.stood_s)
        return f"{self.seconds:.0f}, of them {self.judging_s:.0f} for the judgement{stood}"

    def _about_fairness(self) -> str:
        fair = self._fairness()
        if fair["p95_ratio"] is None:
            return "no neighbours of a flood had an end"
        passed, later = fair["passed"], fair["behind_later"]
        return (
            f"neighbours of a flood p95 {fair['flooded_s']['p95']:.2f} s, else "
            f"{fair['quiet_s']['p95']:.2f} s: {fair['p95_ratio']}x; behind "
            f"{later.get('p95', 0):g} later of its questions (p95, max {later.get('max', 0):g}); "
            f"{passed['count']} passed earlier ones, {passed.get('p50', 0):g} in the median"
        )

    def _about_failures(self) -> list[tuple[str, str]]:
        """Name each kind, the first of it below; the JSON has all."""
        failures = self.failures
        kinds = kinds_in(failures)
        lines = []
        for one in kinds:
            lines.append(("FAILED", f"{one.count:,} x {one.kind[:EXAMPLE_CHARS]}"))
            lines += [("", failure[:EXAMPLE_CHARS]) for failure in one.examples]
        return [
            *lines,
            ("failures", f"{len(failures):,}, of {len(kinds)} kinds"),
            ("reproduce", self.plan.command()),
        ]

    def _bound(self) -> str:
        requests, inputs = self.judged.requests, self.judged.inputs
        return (
            f"0 failures in {requests} requests: rate < {bound(requests)}; "
            f"in {inputs} hops: < {bound(inputs)}; "
            f"in {self.kills} kills: < {bound(self.kills)} a kill (95 %)"
        )
