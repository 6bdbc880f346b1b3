"""Attempts to sign in: what a browser that began one remembers, and what follows from it.

It stands apart from what leads people to their issuer (`signing_in.py`), which brings all that
checks tokens: routes know an attempt where no issuer is set, too.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass

PAGES = {"chat": "/", "review": "/review", "audit": "/audit"}


class NotSignedIn(Exception):
    """A sign-in came to nothing; the code says which of few things the page tells the person."""

    def __init__(self, code: str, why: str, page: str = "chat") -> None:
        super().__init__(why)
        self.code = code
        self.page = page


@dataclass(frozen=True)
class SignInAttempt:
    """One attempt to sign in: all of it follows from the secret, the issuer and the page."""

    secret: str
    issuer: str
    page: str

    @classmethod
    def begin(cls, issuer: str, page: str) -> SignInAttempt:
        """Begin one."""
        return cls(secrets.token_urlsafe(32), issuer, page)

    @property
    def state(self) -> str:
        """What comes back with the code: that this browser began it, and where it goes on."""
        return f"{self._derived('state')}.{self.issuer}.{self.page}"

    @property
    def nonce(self) -> str:
        """What the id_token must say."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """What proves to the issuer that the code was asked for here."""
        return self._derived("verifier")

    @property
    def challenge(self) -> str:
        """Its digest, which may be seen."""
        return _base64(hashlib.sha256(self.verifier.encode()).digest())

    @classmethod
    def of_answer(cls, secret: str, state: str) -> SignInAttempt:
        """Return the attempt that an answer is to; raises NotSignedIn for another browser's."""
        parts = state.split(".")
        page = parts[2] if len(parts) == 3 and parts[2] in PAGES else "chat"
        attempt = cls(secret, parts[1] if len(parts) == 3 else "", page)
        if not secret or not hmac.compare_digest(attempt.state.encode(), state.encode()):
            raise NotSignedIn("stale", "it began in another browser, or too long ago", page)
        return attempt

    def _derived(self, what: str) -> str:
        said = f"{what}|{self.issuer}|{self.page}".encode()
        return _base64(hmac.digest(self.secret.encode(), said, "sha256"))


def _base64(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
