"""Documents that take a reader, or the library behind it, more work than their size explains."""

PLAIN, MARKDOWN, HTML = "text/plain", "text/markdown", "text/html"


def attributes(size):
    return b"<p " + b" ".join(b"a%d=1" % number for number in range(size // 9)) + b">x</p>"


def cells_in_cells(tag, inside):
    broken = b"<table><tr><%b>a<%b>b" + b"<tr><%b>a<%b>b<div>" * 400
    begin = broken.replace(b"%b", tag)
    return lambda size: begin + (inside * 390_000)[: size - len(begin)]


OURS = {
    "underlined lines": (PLAIN, lambda size: b"abc\nabd\n===\n" * (size // 12)),
    "one long paragraph": (PLAIN, lambda size: b"abc def\n" * (size // 8)),
    "one run of spaces": (PLAIN, lambda size: b"a" + b" " * size + b"b"),
    "punycode": (HTML, lambda size: b"<meta charset=punycode>\xff" + b"cz" * (size // 2)),
    "idna": (HTML, lambda size: b"<meta charset=idna>\xff" + b"abc " * (size // 4)),
    "digits": (HTML, lambda size: b"<i>x</i>" * 400_001 + b"&#" + b"1" * size),
    "cells in cells": (HTML, cells_in_cells(b"td", b"<img>")),
    "tags alone": (MARKDOWN, lambda size: b"<div>\n\n" * (size // 7)),
    "spaces in the media type": (f"{PLAIN}; charset=" + " " * 300_000, lambda _: b"a"),
}
"""Name -> media type, and what makes a document of about that many bytes: read in linear time."""

OF_LIBRARIES = {
    "attributes": (HTML, attributes),
    "heads in heads": (HTML, cells_in_cells(b"th", b"<br>x")),
}
"""Those that only a limit ends: the library's time, or what is to be read, grows with the square."""
