"""Producer proof: whoever believes a request before a step has asks what the first steps ask."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from typing import Any

from agents.errors import Transient
from streams.log.addressing import headers_of
from streams.log.chosen_model import in_force
from streams.log.codec import Codec
from streams.log.configuration import PRODUCERS, Configuration
from streams.log.configuration_log import ConfigurationLog
from streams.log.producer_signature import SignedRecord, signature_in
from streams.running.producer_gate import ProducersInForce, Unproved, WrittenAt
from streams.settings import Settings
from streams.topics import INBOX, REQUESTS

ASKED = frozenset(topic.name for topic in (*REQUESTS, *INBOX))
"""Topics that others than steps write."""
Holds = Callable[[Any, str], bool]
"""Whether a record (a message of the broker) may be taken for a tenant's.

Who reads what a step does not read first has no default for it: believing is said, or not done.
"""


class ProducerProof:
    """Asks by the configurations in force."""

    def __init__(
        self,
        configurations: Mapping[str, Configuration] | None = None,
        known: Callable[[], bool] = lambda: True,
    ) -> None:
        """`known` says whether the log has told which configurations are in force."""
        self._producers = ProducersInForce(configurations or {})
        self.known = known

    @classmethod
    def now(cls, settings: Settings, codec: Codec) -> ProducerProof:
        """Ask by what is in force at this moment: for a process that soon ends.

        Raises what reading the log raises.
        """
        with closing(ConfigurationLog(settings, codec)) as log:
            return cls({PRODUCERS: log.read().in_force(PRODUCERS, in_force(settings)[PRODUCERS])})

    def asked(self) -> bool:
        """Say whether what is written from now on must be signed."""
        return self._producers.now()[1].required

    def nonce(self, message: Any, tenant: str) -> str:
        """Ask who wrote a record; return what makes its signature one of a kind, or nothing.

        Empty where no signature is asked for. Raises Unproved, or Transient before it is known
        whether one is.
        """
        at = WrittenAt(message.topic(), message.partition(), message.offset())
        record = SignedRecord(at.topic, message.key() or b"", message.value() or b"", tenant)
        return self._nonce(at, record, headers_of(message))

    def _nonce(
        self, at: WrittenAt, record: SignedRecord, headers: Iterable[tuple[str, bytes]]
    ) -> str:
        if at.topic not in ASKED:
            return ""
        if not self.known():
            raise Transient("which producers may write is still being read: try again")
        digest, rules = self._producers.now()
        if not rules.asks(at):
            return ""
        headers = tuple(headers)
        rules.check(at, record, headers, digest)
        signature = signature_in(headers)
        return f"{signature.key}|{signature.nonce}" if signature is not None else ""

    def holds(self, message: Any, tenant: str) -> bool:
        """Say whether a record may be taken for its tenant's; raises Transient as above."""
        try:
            self.nonce(message, tenant)
        except Unproved:
            return False
        return True

    def proves(
        self, at: WrittenAt, record: SignedRecord, headers: Iterable[tuple[str, bytes]]
    ) -> bool:
        """Say the same of a record that was read elsewhere: of an archive, say."""
        try:
            self._nonce(at, record, headers)
        except Unproved:
            return False
        return True
