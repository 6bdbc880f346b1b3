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


def filling(unit):
    """Return what repeats a unit to a size, in ASCII."""
    return lambda size: (unit * (size // len(unit) + 1))[:size].encode()


def numbered(line):
    """Return what makes lines by their number, to a size."""

    def make(size):
        lines, length = [], 0
        while length < size:
            lines.append(line(len(lines)))
            length += len(lines[-1])
        return "".join(lines)[:size].encode()

    return make


MARKDOWN_KINDS = {
    "lists in lists": filling("\n".join("  " * level + "- a" for level in range(90)) + "\n"),
    "quotes in quotes": filling("> " * 80 + "a\n\n"),
    "quotes in lists": filling("- > - > - > a\n"),
    "numbered items": numbered(lambda number: f"{number}. a\n"),
    "a long table": lambda size: b"|a|b|\n|-|-|\n" + filling("|a|b|\n")(size - 12),
    "a wide table": lambda size: (
        b"|" + filling("a|")(size // 2) + b"\n|" + filling("-|")(size // 2)
    ),
    "references": numbered(lambda number: f"[a{number}]: http://x/{number}\n\n"),
    "footnotes": numbered(lambda number: f"[^{number}]: note\n\n[^{number}]\n\n"),
    "emphasis": filling("*a **b _c__ ~~d " * 120 + "\n\n"),
    "backticks": filling("".join("`" * run + "a" for run in range(1, 60)) + "\n\n"),
    "fences": filling("```\n"),
    "open links": filling("[a](" * 100 + "\n\n"),
    "open images": filling("![" * 100 + "\n\n"),
    "open tags": filling("<a " * 500 + "\n\n"),
    "blocks of HTML": filling("<div>\na\n\n"),
    "one comment": filling("<!-- a\n"),
    "entities": filling("&amp;&#x41;&lt;" * 100 + "\n\n"),
    "escapes": filling("\\*" * 900 + "\n\n"),
    "long lines": filling("word " * 1_000 + "\n"),
    "underlined lines": filling("a\n=\n"),
    "lazy lines": filling("> a\nb\n"),
    "front matter without end": lambda size: b"---\n" + filling("a: b\n")(size - 4),
}
"""Name -> what makes Markdown of about that many bytes that is all of one construct."""


CSV, JSON, JSONL, XML = "text/csv", "application/json", "application/jsonl", "application/xml"
MAIL, MBOX, SOURCE, YAML = "message/rfc822", "application/mbox", "text/x-source", "application/yaml"


def nested(begin, end, depth):
    """Return what repeats a value that nests to a depth, to a size."""
    unit = begin * depth + end * depth + ",\n"
    return lambda size: b"[" + (unit * (size // len(unit) + 1)).encode()[:-2] + b"]"


def mail(body, kind=b"text/plain"):
    return b"Subject: a\nContent-Type: " + kind + b"\n\n" + body


OTHER_FORMATS = {
    "narrow cells": (CSV, filling("a,b\n")),
    "wide rows": (CSV, lambda size: (b"a," * (size // 8) + b"a\n") * 4),
    "open quotes": (CSV, filling('a,"b\n')),
    "quotes in quotes": (CSV, filling('"a""b",c\n')),
    "a long name of a column": (CSV, lambda size: b"n" * 2_000 + b",m\n" + filling("a,b\n")(size)),
    "uneven rows": (CSV, filling("a\na,b\na,b,c\na;b\n")),
    "lists in lists": (JSON, nested("[", "]", 50)),
    "objects in objects": (JSON, lambda size: b"[" + (b'{"abc":' * 60 + b"1" + b"}" * 60 + b",") * (size // 500) + b"1]"),
    "long names": (JSON, lambda size: b'{"' + b"n" * 900 + b'":[' + b'{"a":1},' * (size // 8) + b'{"a":1}]}'),
    "many names": (JSON, lambda size: b"{" + b",".join(b'"a%d":{"b":1}' % n for n in range(size // 14)) + b"}"),
    "broken lines": (JSONL, filling('{"a":\n')),
    "records": (JSONL, filling('{"a":{"b":1}}\n')),
    "elements in elements": (XML, lambda size: b"<r>" + (b"<a>" * 40 + b"x" + b"</a>" * 40) * (size // 281) + b"</r>"),
    "siblings": (XML, lambda size: b"<r>" + b"<a><b>x</b><c>y</c></a>" * (size // 23) + b"</r>"),
    "prose in prose": (XML, lambda size: b"<r>" + (b"<p>a" * 40 + b"</p>" * 40) * (size // 320) + b"</r>"),
    "attributes in XML": (XML, lambda size: b"<r " + b" ".join(b"a%d='x'" % n for n in range(size // 9)) + b"/>"),
    "entities in entities": (XML, lambda size: b"<!DOCTYPE r [" + b"".join(b"<!ENTITY a%d '&a%d;&a%d;'>" % (n + 1, n, n) for n in range(size // 30)) + b"]><r>x&a9;</r>"),
    "open elements": (XML, filling("<a>x")),
    "definitions": (SOURCE, filling("def a():\n    b\n\n\n")),
    "names": (YAML, filling("a:\n  b: c\n  d: e\n  f: g\n")),
    "quoted lines": (MAIL, lambda size: mail(filling("> a\nb\n")(size))),
    "quotes of quotes": (MAIL, lambda size: mail(filling("> " * 200 + "a\n")(size))),
    "headers": (MAIL, lambda size: filling("X-A: b\n")(size) + b"\na"),
    "a long header": (MAIL, lambda size: b"Subject: " + filling("=?a?q?b")(size) + b"\n\na"),
    "parts": (MAIL, lambda size: mail(b"\n--b\n\na" * min(400, size // 8) + b"x" * size, b"multipart/mixed; boundary=b")),
    "mails": (MBOX, filling("From a 1\nSubject: b\n\ntext\n\n")),
}  # fmt: skip
"""Name -> media type, and what makes a document of about that many bytes: read in linear time."""
