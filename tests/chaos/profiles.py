"""What can go wrong besides the kills: each kind of fault, how long it lasts, and the profiles that choose among them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of fault."""

    span_s: tuple[float, float]
    """How long it lasts; most spans lie on both sides of the group session, 6 s."""
    ends_workers: bool = False
    """Whether a worker may end by itself under it, and in the time after; else that is a failure."""
    meets_start: bool = False
    """Whether a worker is killed with it, so that one that starts meets it too."""


NETWORK = {
    "cut": Kind((1.0, 12.0)),
    "half-open": Kind((3.0, 15.0)),
    "slow link": Kind((5.0, 15.0)),
}
BROKERS = {
    "broker killed": Kind((2.0, 15.0)),
    "controller killed": Kind((2.0, 15.0)),
    "broker paused": Kind((8.5, 12.0)),  # beyond the session: every group loses its members
}
LIE_S = (2.0, 4.0)  # shorter than what a step gives a registry to learn a schema
REGISTRY = {
    "registry 404": Kind(LIE_S, meets_start=True),
    "registry other type": Kind(LIE_S, meets_start=True),
    "registry {}": Kind(LIE_S, meets_start=True),
    "registry redirect": Kind((2.0, 12.0), meets_start=True),
    "registry 500": Kind((2.0, 12.0), meets_start=True),
    "registry hangs": Kind((4.0, 15.0), meets_start=True),
}
TOPICS = {
    "small records": Kind((4.0, 10.0), ends_workers=True, meets_start=True),
    "short retention": Kind((4.0, 10.0), meets_start=True),
}
DISK = {
    "broker disk full": Kind((2.0, 12.0)),
    "run folder full": Kind((4.0, 12.0), meets_start=True),
}
WORKERS = {
    "same slot": Kind((8.0, 16.0)),
    "little memory": Kind((4.0, 10.0), ends_workers=True),
}
LOSSES = ("lost tail", "topic made anew")
"""What happens to a log after all was judged, where topics are among the faults."""
OF_PROFILE: dict[str, dict[str, Kind]] = {
    "kills": {},
    "network": NETWORK,
    "brokers": BROKERS,
    "registry": REGISTRY,
    "topics": TOPICS,
    "disk": DISK,
    "workers": WORKERS,
}
KINDS = {name: kind for kinds in OF_PROFILE.values() for name, kind in kinds.items()}
PROFILES = (*OF_PROFILE, "all")


def kinds_of(profile: str) -> dict[str, Kind]:
    """Return the kinds of a profile; `kills` has a schedule of its own, and none of these."""
    return KINDS if profile == "all" else OF_PROFILE[profile]


def includes(profile: str, kinds: dict[str, Kind]) -> bool:
    """Whether a profile has these kinds."""
    return kinds.items() <= kinds_of(profile).items()
