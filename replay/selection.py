"""Which records a verification is about."""

from __future__ import annotations

from dataclasses import dataclass

from schemas import Meta


@dataclass(frozen=True)
class Selection:
    """Which records to verify; None means all."""

    tenant: str | None = None
    request: str | None = None
    since_us: int | None = None
    until_us: int | None = None

    def takes(self, meta: Meta) -> bool:
        """Say whether an event is selected, by its own event time."""
        return (
            (self.tenant is None or meta.tenant == self.tenant)
            and (self.request is None or meta.request == self.request)
            and (self.since_us is None or meta.at >= self.since_us)
            and (self.until_us is None or meta.at < self.until_us)
        )
