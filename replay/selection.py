"""Which inputs a verification is about; all their outcomes go with them, whatever their times."""

from __future__ import annotations

from dataclasses import dataclass

from replay.log import Stored
from schemas import Meta


@dataclass(frozen=True)
class Selection:
    """Which inputs of steps to verify; None means all."""

    tenant: str | None = None
    request: str | None = None
    since_us: int | None = None
    until_us: int | None = None

    @property
    def follows_rows(self) -> bool:
        """Whether all inputs of a tenant are selected or none: then its tables can be followed."""
        return self.request is None and self.since_us is None and self.until_us is None

    def takes(self, meta: Meta) -> bool:
        """Say whether an input is selected, by its own event time."""
        return self._takes(meta.tenant, meta.request, meta.at)

    def takes_unread(self, stored: Stored) -> bool:
        """Say whether a record that can't be read is selected, by its key, headers and time.

        One that does not say whose request it is may be anybody's.
        """
        request = dict(stored.headers).get("request", b"").decode("utf-8", "replace")
        tenant = (stored.key or b"").decode("utf-8", "replace")
        return self._takes(tenant, request or self.request or "", stored.timestamp_ms * 1_000)

    def _takes(self, tenant: str, request: str, at_us: int) -> bool:
        return (
            (self.tenant is None or tenant == self.tenant)
            and (self.request is None or request == self.request)
            and (self.since_us is None or at_us >= self.since_us)
            and (self.until_us is None or at_us < self.until_us)
        )

    def described(self) -> str:
        """Say what is selected, as the command line spells it."""
        named = {
            "--tenant": self.tenant,
            "--request": self.request,
            "--since": self.since_us,
            "--until": self.until_us,
        }
        return ", ".join(f"{name} {value}" for name, value in named.items() if value is not None)


def nothing(selection: Selection) -> str:
    """Say that there is nothing to verify, which would succeed and show nothing."""
    if said := selection.described():
        return f"nothing is selected by {said}: no input of a step fits, so nothing was verified"
    return "the log holds no input of any step, so there is nothing to verify"
