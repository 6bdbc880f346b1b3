"""Versions of the libraries that read, as the manifest tells them."""

from __future__ import annotations

from importlib.metadata import version

from lxml import etree


def lxml_version() -> str:
    """Return the version of lxml, and of libxml2 under it."""
    return f"{version('lxml')}+libxml2-{'.'.join(map(str, etree.LIBXML_VERSION))}"
