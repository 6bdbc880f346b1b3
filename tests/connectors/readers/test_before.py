"""The rules of 0.1.0 stay as they were: its logs are read by them, whatever they lose."""

import hashlib

import pytest

from connectors.readers.parsing import parse

SAMPLES = {
    "text/plain": "NAME\n\nPump\n====\nA line.\n- item\n\nShouting\n--------\n1) one\n",
    "text/markdown": "---\ntitle: x\n---\n# A *b*\n\n1. c\n   - d\n\n       e\n\n| f | g |\n|---|---|\n| h | i |\n\n"
    "<ul><li>j</ul>\n\n```\nk\n```\n> l  \nm\n",
    "text/html": "<title>x</title><nav>no</nav><h1>a</h1><p>b<br>c<ol start=4><li>d<ul><li>e</ul></ol>"
    "<table><tr><td>f<td>g</table><pre>h\n  i</pre><footer>no</footer>",
}


def test_what_0_1_0_read_is_read_again():
    blocks = [
        (one.kind, one.level, one.text)
        for kind, text in SAMPLES.items()
        for one in parse(kind, text.encode(), formats=0).blocks
    ]
    assert hashlib.sha256(repr(blocks).encode()).hexdigest()[:16] == "b19423c115805f59"


@pytest.mark.parametrize(
    ("media_type", "content", "before", "now"),
    [
        ("text/markdown", "30*40*50", "304050", "30*40*50"),
        ("text/markdown", "~~a~~ [b](http://c)", "a b", "~~a~~ b (http://c)"),
        ("text/html", "<p>a<aside>b</aside>", "a", "a b"),
        ("text/plain", f"{'x' * 50}\nY", f"{'x' * 50} Y", f"{'x' * 50}\nY"),
    ],
)
def test_what_it_lost_is_lost_by_its_rules_alone(media_type, content, before, now):
    for formats, said in ((0, before), (1, now)):
        parsed = parse(media_type, content.encode(), formats)
        assert " ".join(one.text for one in parsed.blocks) == said


@pytest.mark.parametrize("media_type", SAMPLES)
def test_its_rules_have_the_version_that_0_1_0_recorded(media_type):
    assert parse(media_type, SAMPLES[media_type].encode(), formats=0).parser_version.endswith("2")
    assert not parse(media_type, SAMPLES[media_type].encode(), formats=0).notes


def test_what_it_could_not_read_it_cannot_read():
    error = parse("application/json", b"{}", formats=0).error
    assert error == (
        "this media type can't be read: submit text/html, text/markdown, text/plain, or convert "
        "the document to one of them"
    )
