"""Secrets of the environment, and who of the processes started here gets them: nobody by default.

Whatever a process inherits its own children inherit, and anybody of the same user reads it in
/proc, so a component is given those that it needs by name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from streams.variables import VARIABLES, variable

MASTER_KEY = (variable("MASTER_KEY"),)
"""What a component needs that opens the key store."""
_SECRETS = frozenset(variable(entry.name) for entry in VARIABLES if entry.secret)


def without_secrets(environment: Mapping[str, str], but: Collection[str] = ()) -> dict[str, str]:
    """Return an environment without its secrets, but for those that are named."""
    return {
        name: value for name, value in environment.items() if name not in _SECRETS or name in but
    }
