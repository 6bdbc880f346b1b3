"""The log's choices of configurations in memory; held to the real one by test_choices_contract.py."""

from __future__ import annotations

from schemas import ConfigurationActivated
from streams.log.activations import Activations, ConfigurationChoice
from streams.log.configuration import configuration, load
from streams.log.configuration_log import activation

STEP = "generate"
OURS = load()
BRIEF = configuration(STEP, {**OURS[STEP].values, "passage_tokens": 40})


def choice(offset, digest, **fields):
    record = ConfigurationActivated(step=STEP, digest=digest, by="ada")
    return ConfigurationChoice(offset, activation(record, str(offset)), **fields)


class MemoryChoices:
    """What the log holds, in memory; it may be away."""

    def __init__(self):
        self.history = []
        self.away = 0
        self.reads = 0
        self.closed = False

    def end(self):
        if self.away:
            self.away -= 1
            raise TimeoutError("nobody answers")
        return len(self.history)

    def close(self):
        self.closed = True

    def read(self):
        self.reads += 1
        return Activations(tuple(self.history), {BRIEF.digest: BRIEF})
