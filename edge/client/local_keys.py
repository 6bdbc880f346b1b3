"""A key for each tenant of the local stack, so that its owner need not make one."""

from __future__ import annotations

import json
import os

from connectors.local_files import write_secret
from edge.callers.api_keys import ApiKeys, BadKey, keys_path
from streams.settings import Settings


def local_key(settings: Settings, tenant: str) -> str:
    """Return a key for a tenant of the local stack, made at its first use and kept with mode 0600.

    Raises BadKey where there is no local stack.
    """
    if not (settings.run / "stack.json").exists():
        raise BadKey(
            "no key: set PLAYHEAD_KEY to one of `playhead keys create`, or start the local stack "
            "with `playhead up --detach`"
        )
    path = settings.run / "local-keys.json"
    known: dict[str, str] = {}
    if path.exists():
        known = json.loads(path.read_text(encoding="utf-8"))
    store = ApiKeys(keys_path(settings))
    if tenant in known and store.find(known[tenant]) is not None:
        return known[tenant]
    user = os.environ.get("USER") or "local"
    _, known[tenant] = store.create(tenant, user=f"local-{user}")
    write_secret(path, json.dumps(known).encode(), overwrite=True)
    return known[tenant]
