"""Addresses of pages: one spelling for one page, and which host is whose."""

from __future__ import annotations

from urllib.parse import quote, urljoin, urlsplit, urlunsplit

ADDRESS_MAX = 2_048  # characters: what a document's uri may have
PORTS = {"http": 80, "https": 443}
_SAFE = "%/:=&?~#+!$,;'@()*[]"


def normal_address(address: str, base: str = "") -> str | None:
    """Spell an address as all that mean the same page: no fragment, lower case host, no usual port.

    None for what is no page of the web, or too long.
    """
    try:
        parts = urlsplit(urljoin(base, address.strip()))
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except (ValueError, UnicodeError):
        return None
    if parts.scheme not in PORTS or not host or parts.username is not None:
        return None
    if port not in (None, PORTS[parts.scheme]):
        host = f"{host}:{port}"
    path = quote(parts.path or "/", safe=_SAFE)
    normal = urlunsplit((parts.scheme, host, path, quote(parts.query, safe=_SAFE), ""))
    return normal if len(normal) <= ADDRESS_MAX else None


def host_of(address: str) -> str:
    """Return the host and port that an address leads to; http and https of one host are one."""
    parts = urlsplit(address)
    port = parts.port if parts.port not in PORTS.values() else None
    return f"{parts.hostname or ''}:{port or ''}"
