"""Who may write requests, by the log itself that is read: for what is believed without a step."""

from __future__ import annotations

from collections.abc import Iterator

from replay.log import Log
from streams.log.activations import Lying, activations_of, contents_of
from streams.log.codec import Codec
from streams.log.configuration import PRODUCERS, load
from streams.log.configuration_log import CHOICES, CONTENTS
from streams.running.producer_proof import ProducerProof

READ = ((CHOICES, 0), (CONTENTS, 0))
"""What is read for it."""


def proof_on(log: Log, codec: Codec) -> ProducerProof:
    """Ask by the producers that a log, or an archive, has in force at its end."""
    choices = list(_lying(log, CHOICES))
    contents = contents_of(_lying(log, CONTENTS), codec)
    in_force = activations_of(choices, contents, codec).in_force(PRODUCERS, load()[PRODUCERS])
    return ProducerProof({PRODUCERS: in_force})


def _lying(log: Log, topic: str) -> Iterator[Lying]:
    if (topic, 0) in log.extents():
        for stored in log.records(topic, 0):
            yield Lying(stored.offset, stored.key, stored.value)
