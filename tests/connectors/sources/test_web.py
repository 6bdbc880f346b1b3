"""A site as a source: what may be visited, how often, and where it ends."""

from __future__ import annotations

import gzip
import json

import pytest

from connectors.sources.findings import (
    FoundDocument,
    FoundGone,
    FoundUnchanged,
    LeftOut,
    SourceAway,
)
from connectors.sources.name_patterns import NamePatterns
from connectors.sources.web import CrawlBounds, WebSource
from connectors.sources.web_fetching import Fetcher
from tests.fake_clock import FakeClock
from tests.local_site import LocalSite, SitePage, html


@pytest.fixture
def site():
    with LocalSite() as site:
        yield site


class Known:
    """What was read of a site before, by uri."""

    def __init__(self, versions=None):
        self.versions = versions or {}

    def validators(self, uri):
        return self.versions.get(uri, "")

    def uris(self):
        return iter(self.versions)


def crawl(site, start="/", known=None, *, include="", exclude="", sitemap="none", **bounds):
    bounds = CrawlBounds(**{"delay_s": 0, "bytes_max": 100_000, **bounds})
    patterns = NamePatterns(include, exclude)
    source = WebSource(site.url + start, patterns, bounds, sitemap=sitemap)
    findings = list(source.found(known or Known(), ""))
    return source, findings


def paths(site, findings, kind=FoundDocument):
    return [one.uri.removeprefix(site.url) for one in findings if isinstance(one, kind)]


def left(site, findings):
    return {
        one.name.removeprefix(site.url): one.reason for one in findings if isinstance(one, LeftOut)
    }


def versions(findings):
    """Return what a run would keep of what it read."""
    return {one.uri: one.read().validators for one in findings if isinstance(one, FoundDocument)}


# ---------------------------------------------------------------------- what is visited


def test_pages_are_found_by_links_each_once_whatever_it_is_called(site):
    host = site.url.removeprefix("http://")
    site.pages = {
        "/": html(
            "/a", "a#part", f"HTTP://{host.upper()}/a", "./b/../a", "mailto:x@y.test", "/b?x=1"
        ),
        "/a": html("/", "/a"),
        "/b?x=1": SitePage(b"plain", headers={"Content-Type": "TEXT/PLAIN; charset=utf-8"}),
    }
    source, findings = crawl(site)
    assert paths(site, findings) == ["/", "/a", "/b?x=1"]
    assert all(count == 1 for path, count in site.asked.items())
    assert source.incomplete == ""
    assert not source.absence_tells
    read = {one.uri: one.read() for one in findings}
    assert read[f"{site.url}/b?x=1"].media_type == "text/plain; charset=utf-8"
    assert all(agent.startswith("playhead-sources/") for agent in site.agents)


def test_other_hosts_are_left_alone(site):
    site.pages = {
        "/": html("https://elsewhere.test/", "//elsewhere.test/x", "/moved", "/on"),
        "/moved": SitePage(status=302, headers={"Location": "http://elsewhere.test:81/secret"}),
        "/on": SitePage(status=302, headers={"Location": "/here"}),
        "/here": html(text="here"),
    }
    _, findings = crawl(site)
    assert paths(site, findings) == ["/", "/here"]
    assert left(site, findings) == {"/moved": "it redirects to another host (elsewhere.test:81)"}


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ({"/r": SitePage(status=301, headers={"Location": "/r"})}, "in a circle"),
        ({"/r": SitePage(status=301)}, "to no page"),
        ({"/r": SitePage(status=301, headers={"Location": "mailto:x"})}, "InvalidURL"),
        ({"/r": SitePage(status=500)}, "the site answered 500"),
        ({"/r": SitePage(b"x", headers={"Content-Type": "application/pdf2"})}, "can't be read"),
        ({"/r": SitePage(b"x")}, "a page without a type can't be read"),
    ],
)
def test_a_page_that_leads_nowhere_is_one_line(site, pages, said):
    site.pages = {"/": html("/r"), **pages}
    _, findings = crawl(site)
    assert paths(site, findings) == ["/"]
    assert said in left(site, findings)["/r"]


def test_redirects_without_end_are_given_up(site):
    site.pages = {"/": html("/r0")}
    site.page_of = lambda path: (
        SitePage(status=302, headers={"Location": f"/r{int(path[2:]) + 1}"})
        if path.startswith("/r") and path[2:].isdigit()
        else None
    )
    _, findings = crawl(site)
    assert left(site, findings) == {"/r0": "it redirects more than 5 times"}
    assert len(site.asked) == 8


def test_robots_txt_is_followed_wildcards_and_all(site):
    site.pages = {
        "/robots.txt": SitePage(
            b"User-agent: *\nDisallow: /private\nDisallow: /*.md$\nAllow: /private/open\n"
        ),
        "/": html("/private/x", "/private/open", "/read.md", "/jump"),
        "/private/open": html(),
        "/jump": SitePage(status=302, headers={"Location": "/private/x"}),
    }
    _, findings = crawl(site)
    assert paths(site, findings) == ["/", "/private/open"]
    assert left(site, findings) == {
        "/private/x": "robots.txt forbids it",
        "/read.md": "robots.txt forbids it",
        "/jump": "it redirects to what robots.txt forbids",
    }
    assert site.asked["/private/x"] == site.asked["/read.md"] == 0


@pytest.mark.parametrize(
    ("status", "allowed"), [(404, True), (403, True), (503, False), (500, False)]
)
def test_rules_that_can_not_be_read_now_forbid_everything(site, status, allowed):
    site.pages = {"/robots.txt": SitePage(status=status, headers={"Retry-After": "0"}), "/": html()}
    if allowed:
        assert paths(site, crawl(site)[1]) == ["/"]
        return
    with pytest.raises(SourceAway, match=rf"robots\.txt answered {status}; without its rules"):
        crawl(site)
    assert site.asked["/"] == 0


def test_a_site_that_is_away_is_said_to_be():
    source = WebSource("http://127.0.0.1:9/", NamePatterns(), CrawlBounds(delay_s=0))
    with pytest.raises(SourceAway, match="it can't be fetched"):
        list(source.found(Known(), ""))


def test_what_a_page_asks_of_robots_is_done(site):
    site.pages = {
        "/": html("/n", "/f", "/h"),
        "/n": html("/behind-n", head='<meta name="ROBOTS" content="NoIndex">'),
        "/f": html("/behind-f", head='<meta name="robots" content="nofollow">'),
        "/h": html("/behind-h", **{"X-Robots-Tag": "noindex, nofollow"}),
        "/behind-n": html(),
        "/behind-f": html(),
        "/behind-h": html(),
    }
    _, findings = crawl(site)
    assert paths(site, findings) == ["/", "/f", "/behind-n"]
    # it may have been handed in before it asked
    assert paths(site, findings, FoundGone) == ["/n", "/h"]


# ---------------------------------------------------------------------- where it ends


def test_a_site_without_end_is_visited_up_to_its_bounds_and_told(site):
    site.page_of = lambda path: html(f"{path}n/", f"{path}m/")
    source, findings = crawl(site, pages=20, depth=100)
    assert len(paths(site, findings)) == 20
    assert source.incomplete == "there are more than 20 pages"
    assert sum(site.asked.values()) == 21
    source, findings = crawl(site, pages=1_000, depth=2)
    assert sorted(map(len, paths(site, findings))) == [1, 3, 3, 5, 5, 5, 5]
    assert source.incomplete == "there are pages more than 2 links away"


def test_a_body_without_end_is_given_up_at_its_bound(site):
    sent = []

    def endless(handler):
        try:
            for _ in range(160_000):  # 10 GB
                handler.wfile.write(b"x" * 65_536)
                sent.append(65_536)
        except OSError:
            pass

    plain = {"Content-Type": "text/plain"}
    site.pages = {
        "/": html("/endless", "/told"),
        "/endless": SitePage(endless, headers={**plain, "Connection": "close"}),
        "/told": SitePage(endless, headers={**plain, "Content-Length": "10000000000"}),
    }
    _, findings = crawl(site)
    assert left(site, findings) == {
        "/endless": "it has more bytes, the limit is 100000",
        "/told": "it has 10000000000 bytes, the limit is 100000",
    }
    assert sum(sent) < 50_000_000


def test_a_body_is_bounded_as_it_is_unpacked(site):
    bomb = gzip.compress(b"x" * 5_000_000)
    packed = {"Content-Type": "text/plain", "Content-Encoding": "gzip"}
    site.pages = {"/": html("/bomb"), "/bomb": SitePage(bomb, headers=packed)}
    assert "the limit is 100000" in left(site, crawl(site)[1])["/bomb"]


def test_links_of_any_kind_are_no_trouble(site):
    hostile = [
        "http://[::1",
        "http://x:99999/",
        "\x00",
        "javascript:1",
        "/" + "x" * 5_000,
        "//",
        "",
    ]
    links = "".join(f"<a href='{link}'>x</a>" for link in hostile)
    site.pages = {
        "/": SitePage(
            f"<base href='/sub/'>{links}<a href=ok>".encode(), 200, {"Content-Type": "text/html"}
        ),
        "/sub/ok": SitePage(b"", headers={"Content-Type": "text/html"}),
    }
    _, findings = crawl(site)
    assert set(paths(site, findings)) == {"/", "/sub/ok"} | {
        one for one in paths(site, findings) if one.startswith("/sub/")
    }
    assert "/sub/ok" in paths(site, findings)


def test_names_are_wanted_by_patterns(site):
    site.pages = {"/": html("/docs/a", "/blog/b"), "/docs/a": html(), "/blog/b": html()}
    assert paths(site, crawl(site, include="*/docs/*")[1]) == ["/", "/docs/a"]


# ---------------------------------------------------------------------- again


def test_an_unchanged_page_is_asked_for_and_not_read_again(site):
    site.pages = {
        "/": html("/a", "/b", ETag='"1"'),
        "/a": html("/c", **{"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}),
        "/b": html(),
        "/c": html(ETag='"c"'),
    }
    known = Known(versions(crawl(site)[1]))
    assert json.loads(known.versions[f"{site.url}/c"]) == {"etag": '"c"', "depth": 2}
    _, findings = crawl(site, known=known)
    assert paths(site, findings, FoundUnchanged) == ["/", "/a", "/c"]
    assert paths(site, findings) == ["/b"]
    assert +site.conditional == {"/": 1, "/a": 1, "/c": 1}
    site.pages["/a"] = html("/c", "/d", **{"Last-Modified": "Fri, 02 Jan 2026 00:00:00 GMT"})
    site.pages["/d"] = html()
    _, findings = crawl(site, known=known)
    assert sorted(paths(site, findings)) == ["/a", "/b", "/d"]


def test_known_pages_do_not_make_a_site_deeper_each_time(site):
    site.page_of = lambda path: html(f"{path}n/", ETag='"1"')
    first = crawl(site, depth=3)[1]
    assert len(paths(site, first)) == 4
    known = Known(versions(first))
    for _ in range(3):
        _, findings = crawl(site, known=known, depth=3)
        assert len(paths(site, findings, FoundUnchanged)) == 4
        assert paths(site, findings) == []


def test_a_page_is_gone_when_its_address_says_so(site):
    site.pages = {"/": html()}
    site.pages |= {
        "/gone": SitePage(status=410),
        "/moved": SitePage(status=301, headers={"Location": "/"}),
        "/for-now": SitePage(status=302, headers={"Location": "/"}),
        "/broken": SitePage(status=500),
        "/unlinked": html(),
    }
    old = ("/none", "/gone", "/moved", "/for-now", "/broken", "/unlinked")
    known = Known({site.url + path: "" for path in old})
    _, findings = crawl(site, known=known)
    assert paths(site, findings, FoundGone) == ["/none", "/gone", "/moved"]
    assert paths(site, findings) == ["/", "/unlinked"]


def test_what_moved_to_a_page_that_can_not_be_read_now_is_not_gone(site):
    site.pages = {
        "/": html(),
        "/moved": SitePage(status=301, headers={"Location": "/away"}),
        "/away": SitePage(status=503, headers={"Retry-After": "0"}),
    }
    known = Known({f"{site.url}/moved": ""})
    _, findings = crawl(site, known=known)
    assert paths(site, findings, FoundGone) == []
    assert left(site, findings) == {"/moved": "the site answered 503"}


def test_headers_that_can_not_be_sent_back_do_not_end_a_run(site):
    site.pages = {
        "/": html("/busy", ETag='"\xe9"', **{"Last-Modified": "caf\xe9"}),
        "/busy": SitePage(status=503, headers={"Retry-After": "\xb2"}),
    }
    bounds, slept = CrawlBounds(delay_s=0), []
    known = Known()
    for _ in range(2):
        source = WebSource(
            site.url,
            NamePatterns(),
            bounds,
            sitemap="none",
            fetcher=lambda host, delay_s: Fetcher(host, delay_s, pause=slept.append),
        )
        findings = list(source.found(known, ""))
        assert paths(site, findings) == ["/"]
        assert left(site, findings) == {"/busy": "the site answered 503"}
        known = Known(versions(findings))
    assert slept == [5.0, 5.0]


def test_a_page_is_of_the_type_and_charset_that_its_host_tells(site):
    text = "Öffnungszeiten".encode("cp1252")
    site.pages = {
        "/": html("/a", "/b"),
        "/a": SitePage(text, headers={"Content-Type": "text/html; charset=Windows-1252"}),
        "/b": SitePage(b"a,b", headers={"Content-Type": "Application/CSV"}),
    }
    _, findings = crawl(site)
    assert [one.read().media_type for one in findings] == [
        "text/html; charset=utf-8",
        "text/html; charset=windows-1252",
        "text/csv",
    ]


def test_a_sitemap_of_another_host_is_told(site):
    site.pages = {"/": html()}
    _, findings = crawl(site, sitemap="http://elsewhere.test/s.xml")
    assert "is not of this host" in left(site, findings)["/"]


# ---------------------------------------------------------------------- sitemaps


def a_sitemap(*locations, kind="url", root="urlset"):
    inner = "".join(f"<{kind}><loc> {one} </loc></{kind}>" for one in locations)
    return f"<{root} xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{inner}</{root}>".encode()


def test_sitemaps_are_followed_packed_or_not_within_the_host(site):
    site.pages = {
        "/robots.txt": SitePage(f"Sitemap: {site.url}/index.xml\n".encode()),
        "/index.xml": SitePage(
            a_sitemap(
                f"{site.url}/one.xml.gz",
                f"{site.url}/index.xml",
                f"{site.url}/broken.xml",
                "http://elsewhere.test/s.xml",
                kind="sitemap",
                root="sitemapindex",
            )
        ),
        "/one.xml.gz": SitePage(
            gzip.compress(a_sitemap(f"{site.url}/a", f"{site.url}/b", "http://elsewhere.test/c"))
        ),
        "/broken.xml": SitePage(b"<urlset><url>"),
        "/": html(),
        "/a": html(),
        "/b": html(),
    }
    _, findings = crawl(site, sitemap="auto")
    assert paths(site, findings) == ["/", "/a", "/b"]
    assert site.asked["/index.xml"] == 1
    assert "it is no XML" in left(site, findings)["/"]


@pytest.mark.parametrize(
    "body",
    [
        (
            b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
            b"<urlset><url><loc>&b;</loc></url></urlset>"
        ),
        (
            b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
            b"<urlset><url><loc>&a;</loc></url></urlset>"
        ),
        b"\x1f\x8bnot packed",
        b"<urlset/>",
        b"",
    ],
)
def test_a_hostile_sitemap_names_nothing(site, body):
    site.pages = {"/sitemap.xml": SitePage(body), "/": html()}
    _, findings = crawl(site, sitemap="auto")
    assert paths(site, findings) == ["/"]


def test_a_large_sitemap_is_read_up_to_the_bound_of_pages(site):
    site.pages = {
        "/sitemap.xml": SitePage(a_sitemap(*(f"{site.url}/{number}" for number in range(5_000)))),
        "/": html(),
    }
    site.page_of = lambda path: html() if path[1:].isdigit() else None
    source, findings = crawl(site, sitemap="auto", pages=30)
    assert len(paths(site, findings)) == 30
    assert source.incomplete == "there are more than 30 pages"


# ---------------------------------------------------------------------- politeness


def test_requests_keep_their_distance_and_a_busy_site_is_given_time(site):
    site.pages = {
        "/robots.txt": SitePage(b"User-agent: *\nCrawl-delay: 7\n"),
        "/": html("/busy"),
        "/busy": SitePage(status=503, headers={"Retry-After": "20"}),
    }
    clock, slept = FakeClock(), []

    def pause(seconds):
        slept.append(seconds)
        clock.now += seconds

    source = WebSource(
        site.url,
        NamePatterns(),
        CrawlBounds(delay_s=2),
        sitemap="none",
        fetcher=lambda host, delay_s: Fetcher(host, delay_s, pause=pause, clock=clock),
    )
    findings = list(source.found(Known(), ""))
    assert left(site, findings) == {"/busy": "the site answered 503"}
    assert site.asked["/busy"] == 2
    # to the rules, to the start, to the busy page, which is asked again after what it asked for
    assert slept == pytest.approx([2, 7, 20])


def test_a_site_may_ask_for_patience_within_reason(site):
    site.pages = {"/robots.txt": SitePage(b"User-agent: *\nCrawl-delay: 86400\n")}
    from connectors.sources.web_rules import rules_of

    with Fetcher("127.0.0.1", 0) as fetcher:
        assert rules_of(fetcher, site.url).delay_s == 60
