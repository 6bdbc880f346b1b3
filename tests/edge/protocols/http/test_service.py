"""The pages."""

from __future__ import annotations

import itertools
import re
from importlib.resources import files

import pytest

from edge.protocols.http.service import PAGES, PART, ServedPage

FOLDER = files("edge.protocols.http")


def rules(style):
    """Rules of a style: selectors and what they set."""
    style = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    found = re.findall(r"([^{}]+)\{([^{}]*)\}", style)
    return {(" ".join(names.split()), " ".join(sets.split())) for names, sets in found}


@pytest.mark.parametrize("name", PAGES)
def test_each_page_begins_with_what_all_begin_with(name):
    content = ServedPage.of(name).content
    assert not PART.search(content)
    head, style = (FOLDER.joinpath(one).read_text() for one in ("page-head.html", "page.css"))
    assert content.startswith(f"{head}<title>Playhead {name}</title>\n<style>{style}")


def test_no_rule_of_style_stands_twice():
    shared = FOLDER.joinpath("page.css").read_text()
    styles = {"page": rules(shared)}
    for name in PAGES:
        [style] = re.findall("<style>(.*?)</style>", ServedPage.of(name).content, re.DOTALL)
        styles[name] = rules(style.removeprefix(shared))
        assert len(styles[name]) > 20
    for one, other in itertools.combinations(styles, 2):
        assert not styles[one] & styles[other]


@pytest.mark.parametrize("path", ["/", "/review", "/audit"])
async def test_a_page_runs_its_own_script_and_no_other(call, path):
    response = await call("GET", path)
    assert response.status_code == 200
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    parts = response.text.count("<script>") + response.text.count("<style>")
    assert policy.count("sha256-") == parts
    assert not any(loads in response.text for loads in ("<script ", "<link", 'src="', "@import"))
