"""A site as a source: pages of one host, by its sitemaps and by links, as its robots.txt allows.

Pages are asked for on condition that they changed (ETag, Last-Modified). The links of an unchanged
page are not seen then, so known pages that were not met are visited at the end, at the depth that
they had. A page is gone when its address says so (404, 410, moved for good, asks not to be
indexed): that no link leads there any more shows nothing.

A site without end (calendars, session ids) meets the bounds on pages and depth, and is told.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import lxml.etree
import lxml.html

from connectors.media_types import ALIASES, MEDIA_TYPES
from connectors.readers.charsets import declared_charset
from connectors.sources.findings import (
    FoundDocument,
    FoundGone,
    FoundUnchanged,
    KnownVersions,
    LeftOut,
    ReadVersion,
    SourceAway,
    SourceFinding,
)
from connectors.sources.name_patterns import NamePatterns
from connectors.sources.web_addresses import host_of, normal_address
from connectors.sources.web_fetching import FetchedPage, Fetcher, Unfetched
from connectors.sources.web_rules import SiteRules, pages_of_sitemaps, rules_of

LINKS_MAX = 10_000  # of a page
VALIDATOR_MAX = 512  # characters of an ETag or a date that is sent back
HTML = {"text/html", "application/xhtml+xml"}


@dataclass(frozen=True)
class CrawlBounds:
    """How much of a site is visited."""

    pages: int = 1_000
    depth: int = 5
    """Links from the start, or from a page of a sitemap."""
    delay_s: float = 1.0
    """Between two requests, at least; the site may ask for more."""
    bytes_max: int = 2**24


class WebSource:
    """The pages of a site; memory grows with the addresses, of which there are at most `pages`."""

    def __init__(
        self,
        start: str,
        patterns: NamePatterns,
        bounds: CrawlBounds,
        *,
        sitemap: str = "auto",
        fetcher: Callable[[str, float], Fetcher] = Fetcher,
    ) -> None:
        """`sitemap` is auto, none, or an address of one."""
        address = normal_address(start)
        if address is None:
            raise SourceAway(f"{start} is no address of a page: write https://HOST/PATH")
        self._start, self._host = address, host_of(address)
        self._patterns, self._bounds, self._sitemap = patterns, bounds, sitemap
        self._new_fetcher = fetcher
        self.absence_tells = False
        self.incomplete = ""
        self.cursor = ""
        self._waiting: deque[tuple[str, int]] = deque()
        self._met: set[str] = set()

    def expected(self) -> int | None:
        """Tell nothing: a site is known by visiting it."""
        return None

    def found(self, known: KnownVersions, _cursor: str) -> Iterator[SourceFinding]:
        """Visit the pages; raises SourceAway where the site does not let itself be read."""
        with self._new_fetcher(self._host, self._bounds.delay_s) as fetcher:
            rules = rules_of(fetcher, self._start)
            fetcher.delay_s = max(fetcher.delay_s, rules.delay_s)
            told: list[str] = []
            self._meet(self._start, 0)
            for address in self._named(fetcher, rules, told):
                self._meet(address, 0)
            yield from (LeftOut(self._start, reason, "failed") for reason in told)
            yield from self._visit_all(fetcher, rules, known)
            for address in known.uris():
                depth = _told(known.validators(address)).get("depth", self._bounds.depth)
                self._meet(address, min(depth, self._bounds.depth))
            yield from self._visit_all(fetcher, rules, known)

    def _named(self, fetcher: Fetcher, rules: SiteRules, told: list[str]) -> Iterator[str]:
        if self._sitemap == "none":
            return iter(())
        usual = normal_address("/sitemap.xml", self._start)
        named = rules.sitemaps or [usual or ""]
        given = named if self._sitemap == "auto" else [self._sitemap]
        normal = [one for one in map(normal_address, given) if one]
        own = [one for one in normal if host_of(one) == self._host]
        if self._sitemap != "auto" and not own:
            told.append(f"sitemap {self._sitemap} is not of this host: it is not read")
        return pages_of_sitemaps(fetcher, own, rules.allows, told.append)

    def _meet(self, address: str, depth: int) -> None:
        """Put a page on the list, unless it is there, unwanted, or beyond the bounds."""
        if address in self._met or host_of(address) != self._host:
            return
        if not self._patterns.takes(address) and address != self._start:
            return
        if depth > self._bounds.depth:
            self.incomplete = f"there are pages more than {self._bounds.depth} links away"
        elif len(self._met) >= self._bounds.pages:
            self.incomplete = f"there are more than {self._bounds.pages} pages"
        else:
            self._met.add(address)
            self._waiting.append((address, depth))

    def _visit_all(
        self, fetcher: Fetcher, rules: SiteRules, known: KnownVersions
    ) -> Iterator[SourceFinding]:
        while self._waiting:
            address, depth = self._waiting.popleft()
            if rules.allows(address):
                yield from self._visit(fetcher, rules, known, address, depth)
            else:
                yield LeftOut(address, "robots.txt forbids it")

    def _visit(
        self, fetcher: Fetcher, rules: SiteRules, known: KnownVersions, address: str, depth: int
    ) -> Iterator[SourceFinding]:
        headers = _conditions(known.validators(address))
        try:
            page = fetcher.fetch(address, self._bounds.bytes_max, headers, rules.allows)
        except Unfetched as error:
            yield LeftOut(address, str(error), "skipped" if error.skipped else "failed", address)
            return
        if page.status in (404, 410) or (page.moved and page.status in (200, 304)):
            yield FoundGone(address)  # not where what it leads to can't be read now
        if page.status == 304 and headers:
            yield FoundUnchanged(address)
        elif page.address != address and page.address in self._met:
            pass  # the page that it leads to is visited by its own address
        elif page.status == 200:
            self._met.add(page.address)
            yield from self._page(page, depth)
        elif page.status not in (404, 410):
            yield LeftOut(address, f"the site answered {page.status}", "failed", address)

    def _page(self, page: FetchedPage, depth: int) -> Iterator[SourceFinding]:
        kind, _, parameters = page.headers.get("content-type", "").partition(";")
        media_type = kind.strip().lower()
        robots = page.headers.get("x-robots-tag", "").lower()
        if media_type in HTML:
            tree = _tree_of(page.body)
            robots = f"{robots},{_robots_of(tree)}"
            if "nofollow" not in robots:
                for link in _links_of(tree, page.address):
                    self._meet(link, depth + 1)
        media_type = ALIASES.get(media_type, media_type)
        if media_type not in MEDIA_TYPES:
            reason = f"{media_type or 'a page without a type'} can't be read"
            yield LeftOut(page.address, reason)
        elif "noindex" in robots:
            yield FoundGone(page.address)
            yield LeftOut(page.address, "the page asks not to be indexed", uri=page.address)
        else:
            validators = json.dumps(_validators(page) | {"depth": depth})
            if charset := declared_charset(parameters).lower():
                media_type += f"; charset={charset}"  # the page itself need not tell it
            version = ReadVersion(page.body, media_type, validators=validators)
            yield FoundDocument(page.address, lambda: version)


def _told(validators: str) -> dict[str, Any]:
    told = json.loads(validators) if validators else {}
    assert isinstance(told, dict)
    return told


def _conditions(validators: str) -> dict[str, str]:
    """Return the headers of a conditional request (RFC 9110, section 13.1)."""
    headers = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
    told = _told(validators)
    return {headers[name]: told[name] for name in headers if name in told}


def _validators(page: FetchedPage) -> dict[str, Any]:
    told = {name: page.headers.get(name, "") for name in ("etag", "last-modified")}
    return {
        name: value
        for name, value in told.items()
        # a header can be sent back only as it may be sent: of printable ASCII
        if 0 < len(value) <= VALIDATOR_MAX and value.isascii() and value.isprintable()
    }


def _tree_of(body: bytes) -> Any:
    try:
        return lxml.html.document_fromstring(body)
    except (lxml.etree.LxmlError, ValueError):
        return None  # empty, or no HTML: it has no links


def _robots_of(tree: Any) -> str:
    if tree is None:
        return ""
    return ",".join(
        (one.get("content") or "").lower()
        for one in tree.iter("meta")
        if (one.get("name") or "").lower() in {"robots", "playhead-sources"}
    )


def _links_of(tree: Any, address: str) -> Iterator[str]:
    """Yield the addresses that a page links to, in its order, each once."""
    if tree is None:
        return
    base = address
    for one in tree.iter("base"):
        base = normal_address(one.get("href") or "", address) or address
        break
    links: dict[str, None] = {}
    for one in tree.iter("a"):
        if len(links) >= LINKS_MAX:
            break
        href = one.get("href")
        if href and "nofollow" not in (one.get("rel") or "").lower():
            target = normal_address(href, base)
            if target is not None:
                links[target] = None
    yield from links
