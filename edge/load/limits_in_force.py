"""Limits in force: how much a tenant and a key may use, as the log says at the moment.

An operator sets them for all (`*`), for one tenant and for one key, with `playhead config set`
(docs/how-to/limits.md). What is left out of what is said of one is as for all; 0 is no limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from agents.configured.types_of_steps import LimitsConfiguration, LimitSettings
from schemas.prepared_types import prepared
from streams.log.configuration import LIMITS, Configuration

EVERY = "*"
prepared(LimitsConfiguration)


class UseLimits(NamedTuple):
    """How much somebody may use; 0 for no limit. See `LimitSettings`."""

    questions_per_minute: int = 0
    tokens_per_minute: int = 0
    questions_at_once: int = 0
    documents_per_minute: int = 0
    documents: int = 0
    document_bytes: int = 0


NO_LIMITS = UseLimits()


class _ByName:
    """Limits of all, and of those that are named."""

    def __init__(self, settings: Mapping[str, LimitSettings]) -> None:
        every = settings.get(EVERY, LimitSettings())
        self._every = _over(NO_LIMITS, every)
        self._named = {name: _over(self._every, own) for name, own in settings.items()}

    def of(self, name: str) -> UseLimits:
        return self._every if name == EVERY else self._named.get(name, self._every)


class LimitsInForce:
    """Reads limits, once for each configuration that comes into force."""

    def __init__(self, configurations: Mapping[str, Configuration]) -> None:
        self._configurations = configurations
        self._read: tuple[Configuration | None, _ByName, _ByName] = None, _ByName({}), _ByName({})

    def of_tenant(self, tenant: str) -> UseLimits:
        """Return how much all keys of a tenant may use together."""
        return self._now()[1].of(tenant)

    def of_key(self, key: str) -> UseLimits:
        """Return how much one key may use, or who signed in."""
        return self._now()[2].of(key)

    def _now(self) -> tuple[Configuration | None, _ByName, _ByName]:
        configured = self._configurations.get(LIMITS)
        if configured is not self._read[0]:
            values = {} if configured is None else configured.values
            limits = msgspec.convert(values, LimitsConfiguration)
            self._read = configured, _ByName(limits.tenants), _ByName(limits.keys)
        return self._read


def _over(all_: UseLimits, own: LimitSettings) -> UseLimits:
    said = {name: value for name in UseLimits._fields if (value := getattr(own, name)) is not None}
    return all_._replace(**said)
