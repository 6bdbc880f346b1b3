"""Who may write requests, by the log itself that is read: for what is believed without a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from replay.archive import BadArchive
from replay.log import Log, Stored
from streams.log.activations import Lying, activations_of, contents_of
from streams.log.codec import Codec
from streams.log.configuration import PRODUCERS, load
from streams.log.configuration_log import CHOICES, CONTENTS
from streams.log.producer_signature import SignedRecord
from streams.running.producer_gate import WrittenAt
from streams.running.producer_proof import ProducerProof

READ = ((CHOICES, 0), (CONTENTS, 0))
"""What is read for it."""
Believes = Callable[[Stored, str], bool]
"""Whether a record that no step reads first may be taken for a tenant's."""


def proof_on(log: Log, codec: Codec) -> ProducerProof:
    """Ask by the producers that a log, or an archive, has in force at its end."""
    choices = list(_lying(log, CHOICES))
    contents = contents_of(_lying(log, CONTENTS), codec)
    in_force = activations_of(choices, contents, codec).in_force(PRODUCERS, load()[PRODUCERS])
    return ProducerProof({PRODUCERS: in_force})


def believing(log: Log, codec: Codec) -> Believes:
    """Return what believes a record whose tenant's producer signed it, where that is asked for.

    What tells who may sign and can't be read asks for nothing: who reads configurations tells it.
    """
    try:
        proof = proof_on(log, codec)
    except BadArchive:
        proof = ProducerProof()

    def believes(stored: Stored, tenant: str) -> bool:
        at = WrittenAt(stored.topic, stored.partition, stored.offset)
        record = SignedRecord(at.topic, stored.key or b"", stored.value or b"", tenant)
        return proof.proves(at, record, stored.headers)

    return believes


def _lying(log: Log, topic: str) -> Iterator[Lying]:
    if (topic, 0) in log.extents():
        for stored in log.records(topic, 0):
            yield Lying(stored.offset, stored.key, stored.value)
