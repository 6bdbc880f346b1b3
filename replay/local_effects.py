"""What executes local effects again: the key store and the document readers of this machine."""

from __future__ import annotations

from typing import Any

from schemas import Request
from streams.running.world import Handler
from streams.settings import BadSetting, Settings


def local_handlers(settings: Settings) -> tuple[dict[type[Request[Any]], Handler], Any]:
    """Return what executes local effects again, and the keyring that digests need.

    Raises BadSetting where there is no key store: a new one would open nothing.
    """
    if not settings.keyring_path.exists():
        raise BadSetting(
            f"no key store at {settings.keyring_path}: name the one that goes with this log "
            "(PLAYHEAD_RUN, or PLAYHEAD_KEYRING and PLAYHEAD_MASTER_KEY_FILE)"
        )
    from connectors.documents import Documents
    from connectors.keyring import Keyring

    keyring = Keyring(settings)
    handlers = {**keyring.handlers(), **Documents(settings).handlers()}
    local = {request: handler for request, handler in handlers.items() if request.EFFECT == "local"}
    return local, keyring
