"""Which pages may call from a browser where it does not ask for leave (CORS) by itself."""

from __future__ import annotations

from urllib.parse import urlsplit

from edge.problems import forbidden

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def check_origin(origin: str | None, own: str) -> None:
    """Refuse pages of other addresses: one whose name was bound to ours would be in our place.

    A program sends no Origin. Raises Problem.
    """
    if origin is None:
        return
    try:
        host = urlsplit(origin).hostname
    except ValueError:  # no browser's
        host = None
    if host is None or host not in LOOPBACK | {urlsplit(own).hostname}:
        raise forbidden(
            "pages of this Origin may not call here: the gateway's own may, and those of this "
            "machine; PLAYHEAD_GATEWAY says what its own address is"
        )
