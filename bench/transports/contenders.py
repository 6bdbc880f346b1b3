"""Who takes part, and what each promises about the records that it hands on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

BASELINE = "stock Faust"
OURS = "Playhead"


class Guarantee(StrEnum):
    """What a program of this bench promises without further code."""

    IDS = "ids"
    """A record has the same id whenever it is made again."""
    ORDER = "order"
    """Records of one session stay in order."""
    AT_LEAST_ONCE = "at least once"
    """An input counts as done once the broker has acknowledged its output, errors included."""
    DUPLICATES = "duplicates"
    """An input that comes again is recognised and not processed again."""
    DEAD_LETTERS = "dead letters"
    """An input that can't be processed is set aside with its reason, and holds up no other."""
    TYPED = "typed"
    """Records have a schema of a registry and are checked against it."""


@dataclass(frozen=True)
class Contender:
    """A program of the bench."""

    name: str
    module: str
    """Below bench.transports."""
    distributions: tuple[str, ...]
    """What it is made of; the report says which versions."""
    guarantees: frozenset[Guarantee]


ORDERED = frozenset({Guarantee.ORDER})
SAFE = frozenset({Guarantee.ORDER, Guarantee.AT_LEAST_ONCE})

CONTENDERS = (
    # an agent that raises loses its event, hence not at least once
    Contender(BASELINE, "stock_faust", ("faust-streaming", "aiokafka"), ORDERED),
    Contender("bare aiokafka", "bare_aiokafka", ("aiokafka",), SAFE),
    Contender("bare confluent-kafka", "bare_confluent", ("confluent-kafka",), SAFE),
    Contender("Quix Streams", "quix", ("quixstreams", "confluent-kafka"), SAFE),
    # offsets are committed on a timer, before or after the handler has ended
    Contender("FastStream", "fast_stream", ("faststream", "aiokafka"), ORDERED),
    Contender(OURS, "playhead", ("playhead",), frozenset(Guarantee)),
)


def contender(name: str) -> Contender:
    """Look one up by name; raises KeyError that lists them."""
    for entry in CONTENDERS:
        if entry.name == name:
            return entry
    raise KeyError(f"no contender {name}: {', '.join(entry.name for entry in CONTENDERS)}")
