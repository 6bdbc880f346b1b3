"""People: who calls with a token of an issuer, or by having signed in there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from edge.callers.access_tokens import PersonKnown, Tokens, looks_like_token
from edge.callers.caller import Caller
from edge.callers.issuer_keys import trusted
from edge.callers.issuers import issuers_of
from edge.callers.sign_ins import SignIns, sign_ins_path
from edge.callers.signing_in import SigningIn
from edge.problems import forbidden, unauthorized
from streams.settings import Settings

SubjectOf = Callable[[str, str], str]
SAFE = ("GET", "HEAD")
"""Methods that change nothing; another site that sends them with a cookie can't read the answer."""


class People:
    """Tells who calls where no key does; lives on one event loop."""

    def __init__(self, tokens: Tokens, sign_ins: SignIns) -> None:
        self.tokens = tokens
        self.sign_ins = sign_ins
        self.signing_in = SigningIn(tokens)

    @classmethod
    def of(cls, settings: Settings) -> People | None:
        """Read the issuers; None where none is set. Raises BadSetting."""
        issuers = issuers_of(settings.oidc)
        if issuers is None:
            return None
        trusted()  # here, not while somebody waits
        return cls(Tokens(issuers), SignIns(sign_ins_path(settings)))

    @property
    def secure(self) -> bool:
        """Whether browsers come by https, and may send cookies by nothing else."""
        return self.tokens.issuers.public_url.startswith("https:")

    def is_token(self, secret: str) -> bool:
        """Tell whether what came as a key is a token."""
        return looks_like_token(secret)

    async def caller(self, token: str, subject_of: SubjectOf) -> Caller:
        """Return who a token is of; raises Problem."""
        return await self.tokens.caller(token, subject_of)

    async def signed_in(self, cookie: str, subject_of: SubjectOf) -> Caller:
        """Return who signed in with a browser; raises Problem."""
        return await asyncio.to_thread(self._signed_in, cookie, subject_of)

    def stands(self, cookie: str) -> bool:
        """Tell whether a sign-in does, for which there is a file to read."""
        return self._found(cookie) is not None

    def _found(self, cookie: str) -> tuple[str, PersonKnown, int] | None:
        found = self.sign_ins.find(cookie)
        if found is None:
            return None
        who = found[1]
        issuer = self.tokens.issuers.with_login.get(who.issuer)
        if issuer is None or not issuer.still_says(who.tenant, who.user, who.scopes):
            return None
        return found

    def _signed_in(self, cookie: str, subject_of: SubjectOf) -> Caller:
        found = self._found(cookie)
        if found is None:
            raise unauthorized("this sign-in is over: sign in again")
        identity, who, ends_s = found
        subject = subject_of(who.tenant, who.user)
        return who.caller(subject, "sign-in", identity, ends_s)

    def check_origin(self, origin: str | None, method: str) -> None:
        """Raise Problem unless a request that a browser adds its cookie to is of our own pages.

        A browser says so itself, and no page can have it say otherwise. Another site could send
        the cookie along, where it is one of the same domain on another port or name.
        """
        own = self.tokens.issuers.origin
        if origin == own or (origin is None and method in SAFE):
            return
        raise forbidden(
            f"a sign-in counts on pages of {own} alone (Origin): elsewhere send a key or a token"
        )

    def close(self) -> None:
        """Close the store."""
        self.sign_ins.close()
