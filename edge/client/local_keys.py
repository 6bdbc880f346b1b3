"""A key for each tenant of the local stack, so that its owner need not make one."""

from __future__ import annotations

import json
import os
from pathlib import Path

from connectors.local_files import write_secret
from edge.callers.api_keys import ApiKeys, BadKey, keys_path
from streams.settings import Settings


class LocalKeys:
    """The keys of one run folder's owner, kept with mode 0600.

    Raises BadKey where there is no local stack.
    """

    def __init__(self, settings: Settings) -> None:
        if not (settings.run / "stack.json").exists():
            raise BadKey(
                "no key: set PLAYHEAD_KEY to one of `playhead keys create`, or start the local "
                "stack with `playhead up --detach`"
            )
        self._path: Path = settings.run / "local-keys.json"
        self._store = ApiKeys(keys_path(settings))
        self._kept: dict[str, str] = {}
        if self._path.exists():
            self._kept = json.loads(self._path.read_text(encoding="utf-8"))

    def tenants(self) -> list[str]:
        """List the tenants that anybody ever had a key for, by name."""
        return sorted({*self._kept, *(entry.tenant for entry in self._store.all())})

    def key(self, tenant: str) -> str:
        """Return a tenant's key, made at its first use; raises BadKey for what is no tenant."""
        if tenant in self._kept and self._store.find(self._kept[tenant]) is not None:
            return self._kept[tenant]
        user = os.environ.get("USER") or "local"
        _, self._kept[tenant] = self._store.create(tenant, user=f"local-{user}")
        write_secret(self._path, json.dumps(self._kept).encode(), overwrite=True)
        return self._kept[tenant]
