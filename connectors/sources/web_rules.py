"""What a site says of itself: robots.txt (RFC 9309) and its sitemaps.

A site without rules allows all; one whose rules can't be read now, nothing (section 2.3.1.4).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any

from lxml import etree
from protego import Protego

from connectors.sources.findings import SourceAway
from connectors.sources.web_addresses import host_of, normal_address
from connectors.sources.web_fetching import AGENT, Fetcher, Unfetched

ROBOTS_BYTES_MAX = 512_000  # RFC 9309 asks for 500 KiB at least
SITEMAP_BYTES_MAX = 52_428_800  # what the protocol allows for one file
SITEMAPS_MAX = 100  # files, those of indexes among them
DELAY_MAX_S = 60.0  # that a site may ask for between requests
PART_BYTES = 65_536


class SiteRules:
    """What may be fetched of a site, and how often."""

    def __init__(self, text: str) -> None:
        self._rules = Protego.parse(text)

    def allows(self, address: str) -> bool:
        """Say whether a page may be fetched."""
        return bool(self._rules.can_fetch(address, AGENT))

    @property
    def delay_s(self) -> float:
        """How long the site asks to wait between requests; 0 where it does not."""
        return min(DELAY_MAX_S, float(self._rules.crawl_delay(AGENT) or 0.0))

    @property
    def sitemaps(self) -> list[str]:
        """Addresses of the sitemaps that it names."""
        return list(self._rules.sitemaps)[:SITEMAPS_MAX]


def rules_of(fetcher: Fetcher, start: str) -> SiteRules:
    """Read a site's robots.txt; raises SourceAway where it is there and can't be read."""
    address = normal_address("/robots.txt", start)
    assert address is not None
    try:
        page = fetcher.fetch(address, ROBOTS_BYTES_MAX)
    except Unfetched as error:
        if error.skipped:  # at another host: these are not the rules of this one
            return SiteRules("")
        raise SourceAway(f"{address}: {error}; without its rules nothing is fetched") from None
    if page.status == 200:
        return SiteRules(page.body.decode("utf-8", "replace"))
    if 400 <= page.status < 500 and page.status != 429:
        return SiteRules("")
    raise SourceAway(
        f"{address} answered {page.status}; without its rules nothing is fetched: try again later"
    )


def pages_of_sitemaps(
    fetcher: Fetcher, first: list[str], allows: Callable[[str], bool], tell: Callable[[str], None]
) -> Iterator[str]:
    """Yield the pages of a host that sitemaps name, indexes followed; `tell` hears of bad ones."""
    waiting, seen = list(first), set(first)
    while waiting:
        address = waiting.pop(0)
        try:
            page = fetcher.fetch(address, SITEMAP_BYTES_MAX, allowed=allows)
            if page.status != 200:
                if page.status not in (404, 410):
                    tell(f"sitemap {address} answered {page.status}")
                continue
            for is_index, location in locations_in(page.body):
                target = normal_address(location, address)
                if target is None or host_of(target) != host_of(address):
                    continue
                if not is_index:
                    yield target
                elif target not in seen and len(seen) < SITEMAPS_MAX:
                    seen.add(target)
                    waiting.append(target)
        except (Unfetched, BadSitemap) as error:
            tell(f"sitemap {address}: {error}")


class BadSitemap(ValueError):
    """A file that is no sitemap."""


def locations_in(body: bytes) -> Iterator[tuple[bool, str]]:
    """Yield the addresses that a sitemap names, each with whether it is that of a further sitemap.

    In parts, so that memory does not grow with it; entities are not expanded. A plain text of one
    address a line is one too. Raises BadSitemap.
    """
    if body[:2] == b"\x1f\x8b":
        body = _unpacked(body)
    if body.lstrip()[:1] != b"<":
        yield from ((False, line) for line in body.decode("utf-8", "replace").split())
        return
    parser = etree.XMLPullParser(
        ("end",), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        for at in range(0, len(body), PART_BYTES):
            parser.feed(body[at : at + PART_BYTES])
            for _, element in parser.read_events():
                yield from _locations_of(element)
        parser.close()
    except etree.XMLSyntaxError as error:
        raise BadSitemap(f"it is no XML ({error.msg})") from None


def _locations_of(element: Any) -> Iterator[tuple[bool, str]]:
    """Yield the address of an entry that ended, and forget the entry."""
    kind = etree.QName(element).localname
    if kind not in {"url", "sitemap"}:
        return
    for child in element:
        if isinstance(child.tag, str) and etree.QName(child).localname == "loc" and child.text:
            yield kind == "sitemap", child.text
    parent = element.getparent()
    element.clear()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def _unpacked(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(body, SITEMAP_BYTES_MAX)
    except zlib.error:
        raise BadSitemap("it is not packed as it says") from None
    if unpacker.unconsumed_tail:
        raise BadSitemap(f"it has more than {SITEMAP_BYTES_MAX} bytes unpacked")
    return text
