"""What is done to the system: load, faults and their times, all of it from a seed."""

import random
from dataclasses import dataclass

from tests.chaos.profiles import BROKERS, NETWORK, REGISTRY, WORKERS, includes, kinds_of

OUTAGES = ("broker", "registry", "triton", "weaviate")
WEIGHTS = {"kill": 60, "stop": 9, "pause": 14, "broker": 4, "registry": 4, "connector": 9}
TOGETHER = {
    1: 60,
    2: 25,
    3: 15,
}  # workers hit by one kill: a machine takes all of its workers along
MISSED = 1.5  # kills planned for each one wanted: some find no worker to hit
PAUSE_S = (1.0, 12.0)  # both sides of the session timeout, 6 s
CONNECTOR_S = (0.5, 4.0)
CALM = 0.2  # share of the gaps that are long: without them nothing but rebalances would be seen
GAP_S, CALM_S = (0.1, 2.0), (8.0, 34.0)  # scaled to the length of the run
BEFORE_S, AFTER_S = 20.0, 40.0  # load around an outage
EVERY_S = 20.0  # a fault of a profile, on average: it lasts, and what it hit has to go on
LATE = 0.25  # share of that time by which one may come later
SCHEMA_S, SCHEMAS_MAX = 0.5, 1_000  # from a new schema to the next: even a short lie meets some
MEETS_S = 0.3  # until the kill that goes with it
LAST = 0.97  # share of the run after which nothing begins


@dataclass(frozen=True)
class Plan:
    """One run of the harness; two equal plans do the same."""

    seed: int
    requests: int = 100_000
    """Questions and documents together, copies and unreadable records not counted."""
    seconds: float = 1260.0
    """How long they come, at a steady rate."""
    kills: int = 300
    """Kills of workers at least; other faults come on top."""
    workers: int = 3
    profile: str = "kills"
    """Which faults (`tests.chaos.profiles`); kills come with `kills` and `all`, or if some are asked for."""
    outage: str = ""
    """One component that is away for a while, instead of all other faults."""
    outage_s: float = 60.0
    tenants: int = 6
    sessions: int = 400
    documents: int = 200

    @property
    def usual(self) -> bool:
        """Whether the edge and another version of the code are among what is under fire."""
        return self.profile == Plan.profile and not self.outage

    @property
    def brokers(self) -> int:
        """How many brokers there are; of several, each record lies on three and is acknowledged by two."""
        return 3 if includes(self.profile, BROKERS) else 1

    @property
    def linked(self) -> bool:
        """Whether the workers reach the brokers through links that can fail."""
        return includes(self.profile, NETWORK)

    @property
    def lied_to(self) -> bool:
        """Whether the workers reach the registry through one that can lie, and meet new schemas."""
        return includes(self.profile, REGISTRY)

    @property
    def schemas(self) -> int:
        """How many newer schemas come up during the run."""
        return min(SCHEMAS_MAX, max(1, int(self.seconds / SCHEMA_S))) if self.lied_to else 0

    def command(self) -> str:
        """Spell the command that runs this plan again."""
        parts = [f"SEED={self.seed}", f"REQUESTS={self.requests}", f"WORKERS={self.workers}"]
        if self.outage:
            parts += [f"OUTAGE={self.outage}", f"AWAY_S={self.outage_s:g}"]
        else:
            parts += [f"MINUTES={self.seconds / 60:g}", f"KILLS={self.kills}"]
            parts += [f"FAULTS={self.profile}"] * (self.profile != Plan.profile)
        return " ".join(["make chaos", *parts])

    @classmethod
    def of_outage(cls, outage: str, outage_s: float, **given: int) -> "Plan":
        """Return the plan of one outage under load."""
        seconds = BEFORE_S + outage_s + AFTER_S
        return cls(outage=outage, outage_s=outage_s, seconds=seconds, kills=0, **given)


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that goes wrong."""

    at_s: float
    kind: str
    """As in WEIGHTS or KINDS, or `outage`."""
    slot: int = 0
    """Which worker, if it can be hit; else the next one that can. Of brokers and links likewise."""
    count: int = 1
    """Workers that are killed together."""
    for_s: float = 0.0
    """Until the worker is started again or goes on, or the component is back."""


def faults(plan: Plan) -> list[Fault]:
    """Draw the schedule: the kills and what goes with them, and the faults of the profile."""
    if plan.outage:
        return [Fault(BEFORE_S, "outage", for_s=plan.outage_s)]
    with_kills = plan.kills or plan.profile == Plan.profile
    return sorted([*(_with_kills(plan) if with_kills else []), *_of_profile(plan)])


def _of_profile(plan: Plan) -> list[Fault]:
    """Draw a fault for each part of the run; every kind comes before any comes again."""
    kinds = kinds_of(plan.profile)
    if not kinds:
        return []
    chance = random.Random(f"{plan.profile} {plan.seed}")
    number = max(len(kinds), int(plan.seconds / EVERY_S))
    every_s = plan.seconds * LAST / number
    drawn: list[Fault] = []
    left: list[str] = []
    for part in range(number):
        left = left or chance.sample(list(kinds), len(kinds))
        kind, at_s = left.pop(), (part + chance.uniform(0, LATE)) * every_s
        for_s = chance.uniform(*kinds[kind].span_s)
        fault = Fault(at_s, kind, chance.randrange(plan.workers), for_s=for_s)
        drawn.append(fault)
        if kinds[kind].meets_start:
            drawn.append(Fault(at_s + MEETS_S, "kill", chance.randrange(plan.workers)))
    return drawn


def _with_kills(plan: Plan) -> list[Fault]:
    """Draw kills and others: bursts of faults with calm between them; every kind comes at least once."""
    chance = random.Random(f"faults {plan.seed}")
    drawn: list[Fault] = []
    at_s, kills = chance.uniform(*GAP_S), 0
    while kills < plan.kills * MISSED or {fault.kind for fault in drawn} != set(WEIGHTS):
        [kind] = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
        if kills >= plan.kills * MISSED:
            kind = min(set(WEIGHTS) - {fault.kind for fault in drawn})
        count = chance.choices(list(TOGETHER), list(TOGETHER.values()))[0] if kind == "kill" else 1
        kills += count if kind == "kill" else 0
        span = {"pause": PAUSE_S, "connector": CONNECTOR_S}.get(kind, (0.0, 0.0))
        if kind == "kill" and chance.random() < 0.5:
            span = (0.5, 5.0)  # else it is started again at once
        drawn.append(
            Fault(at_s, kind, chance.randrange(plan.workers), count, chance.uniform(*span))
        )
        at_s += chance.uniform(*(CALM_S if chance.random() < CALM else GAP_S))
    scale = plan.seconds * LAST / at_s
    return [
        Fault(fault.at_s * scale, fault.kind, fault.slot, fault.count, fault.for_s)
        for fault in drawn
    ]


@dataclass(frozen=True)
class Start:
    """How a worker is started."""

    name: str
    steps: tuple[str, ...] = ()
    """Steps that it hosts; none for all."""
    hours: float = 0.0
    """By how much its wall clock is wrong."""
    after_s: float = 0.0
    """When it becomes wrong."""
    memory_mb: int = 0
    """What it may hold of inputs; 0 for what the settings say."""


OTHER_STEPS = 0.3  # share of starts with only some of the steps
WRONG_CLOCK = 0.15  # share of starts with a wrong clock, half of them while running
HOURS = (0.5, 12.0)
SMALL_MEMORY = 0.5  # share of starts with little room for inputs, in the profile of the workers


def start(plan: Plan, slot: int, number: int, names: tuple[str, ...]) -> Start:
    """Draw how a worker is started for the nth time; slot 0 hosts all steps, so that all go on."""
    name = f"{plan.seed}-{slot}-{number}"
    if plan.outage:
        return Start(name)
    chance = random.Random(f"start {name}")
    some: tuple[str, ...] = ()
    if slot and chance.random() < OTHER_STEPS:
        some = tuple(n for n in names if chance.random() < 0.6) or names[:1]
    hours = after_s = 0.0
    if chance.random() < WRONG_CLOCK:
        hours = chance.choice((-1, 1)) * chance.uniform(*HOURS)
        after_s = chance.choice((0.0, chance.uniform(3.0, 15.0)))
    small = includes(plan.profile, WORKERS) and chance.random() < SMALL_MEMORY
    return Start(name, some, hours, after_s, memory_mb=int(small))


def bound(trials: int) -> str:
    """Spell the upper end of the 95 % interval after no failure in so many trials: the rule of three.

    Source: Hanley and Lippman-Hand, "If nothing goes wrong, is everything all right?", JAMA 249(13), 1983.
    """
    return f"{min(1.0, 3 / trials):.2g}" if trials else "1"
