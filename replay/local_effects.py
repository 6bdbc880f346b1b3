"""What executes local effects again: the key store and the document readers of this machine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from schemas import Request
from streams.running.world import Handler
from streams.settings import Settings

CPU_FACTOR = 10  # how much slower than the one that wrote a log a machine may be that verifies it
MEMORY_FACTOR = 2  # other versions of libraries take other memory, but not much more


def _patient(settings: Settings) -> dict[str, Any]:
    """Return limits that a document which was read within the live ones does not pass here."""
    return {
        "document_cpu_s": settings.document_cpu_s * CPU_FACTOR,
        "document_memory_mb": settings.document_memory_mb * MEMORY_FACTOR,
    }


def local_handlers(settings: Settings) -> tuple[dict[type[Request[Any]], Handler], Any]:
    """Return what executes local effects again, and the keyring that digests need.

    Nothing is made or written. Where there is no key store that can be read, what needs a key is
    BeyondMeans.
    """
    from connectors.documents import Documents
    from connectors.keyring.at_rest import keyring_at_rest

    keyring = keyring_at_rest(settings)
    documents = Documents(replace(settings, **_patient(settings)))
    handlers = {**keyring.handlers(), **documents.handlers()}
    local = {request: handler for request, handler in handlers.items() if request.EFFECT == "local"}
    return local, keyring
