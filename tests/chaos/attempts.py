"""Which request a key will be, worked out before it is sent: whoever gives up before it hears has asked all the same.

The rule is the gateway's: an id follows from who asks and the key. It is spelt here once more, so that a gateway that gave
a key another id would be found out; the tests hold the two against each other.
"""

import hashlib

from connectors.keyring.connector import Keyring
from edge.requests.identity import Identities, Identity
from streams.settings import Settings

USER = "u"


class KeyedAttempts:
    """Names what a tenant's client is about to send; all of it is worked out without asking anybody."""

    def __init__(self, settings: Settings, tenant: str) -> None:
        self._keyring = Keyring(settings)
        self._tenant = tenant
        self._identities = Identities(settings.partitions)
        digest = self._keyring.digest(tenant, USER.encode())
        self._subject = self._keyring.subjects(tenant, digest)[-1]

    def document(self, key: str, uri: str) -> Identity:
        """Return the request that a document under an Idempotency-Key is."""
        return self._identities.of_document(self._tenant, uri, f"{self._subject}|{key}")

    def question(self, name: str, session: str, text: str) -> Identity:
        """Return the request that a message over a WebSocket is, by its session and name."""
        said = hashlib.sha256(text.encode()).hexdigest().encode()
        keyed = self._keyring.digest(self._tenant, said)
        fingerprint = f"{self._subject}|{session}|{name}|{keyed}"
        return self._identities.of_question(self._tenant, self._subject, session, fingerprint)
