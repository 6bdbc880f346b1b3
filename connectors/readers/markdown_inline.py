"""Read what stands in a paragraph of Markdown: marks go where they mark something up.

Why it is so: CommonMark sees emphasis in `30*40*50` and `__init__`, and an HTML tag in
`List<String>`. Their authors did not mean it, and what is taken for a mark is gone from the index.
So marks between digits or within a word, and tags that HTML does not know, stay as they stand.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lxml.html import defs
from markdown_it import MarkdownIt
from markdown_it.token import Token

from connectors.readers.html import STRIKE, unescape

INLINE_CHARS_MAX = 20_000  # of one paragraph; beyond these two it is read as it stands,
INLINE_OPENINGS_MAX = 500  # because the library's time grows with their square
_MARKDOWN_INLINE = MarkdownIt("commonmark").enable("strikethrough")
_SOFT_BREAK = re.compile(r"(?<!  )\n")  # two spaces before it make it a hard one
_MARKS = re.compile(r"[\\`*_\[\]<>&~!]")
_TAG = re.compile(r"<(?P<closing>/?)(?P<name>[A-Za-z][A-Za-z0-9-]*)(?P<rest>[^<>]*)>")
_ENDS = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)")
_STRUCK = ("s", "del", "strike")
_ADDRESS = re.compile(r"(?:https?|ftps?|mailto|tel|sftp|ssh|git|s3):", re.IGNORECASE)
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*|[A-Z][A-Z0-9_]*", re.ASCII)
# fmt: off
_OF_HTML = (defs.tags - {"command"}) | {
    "bdi", "data", "dialog", "frame", "main", "nobr", "noframes", "picture", "search", "slot",
    "template",
}
_WITHOUT_END = frozenset((
    "br", "hr", "wbr", "img", "input", "p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody",
))
# fmt: on
"""All others mean nothing without an end tag: `Array<b>` is no bold text."""


@dataclass
class InlineReader:
    """Reads paragraphs of a document; what it says of them stands in `left_out`."""

    environment: dict[str, Any]
    """The library's: the document's reference definitions."""
    targets_left: int
    """Characters of targets that may still be spelt: a reference could repeat a long one."""
    used: set[str] = field(default_factory=set)
    """Targets of links so far."""
    left_out: Counter[str] = field(default_factory=Counter)

    def read(self, content: str) -> str:
        """Take the marks out: texts and targets of links, alternative texts and code stay."""
        if not _MARKS.search(content):
            return _SOFT_BREAK.sub(" ", content)
        if len(content) > INLINE_CHARS_MAX or content.count("[") > INLINE_OPENINGS_MAX:
            return unescape(content)
        tokens = _MARKDOWN_INLINE.parseInline(content, self.environment)[0].children or ()
        return self._spelt(tokens, content)

    def _spelt(self, tokens: Sequence[Token], content: str) -> str:
        literal = _literal_marks(tokens)
        parts: list[str] = []
        links: list[tuple[str, int]] = []
        tags = TagCounts.of(content)
        for at, token in enumerate(tokens):
            match token.type:
                case "text" | "code_inline" | "text_special":
                    parts.append(token.content)
                case "softbreak":  # where the author's editor wrapped the line: no end of anything
                    parts.append(" ")
                case "hardbreak":
                    parts.append("\n")
                case "image":
                    parts.append(self.read_alternative(token))
                case "s_open" | "s_close":
                    parts.append(STRIKE)
                case "html_inline":
                    before = parts[-1][-1:] if parts else ""
                    parts.append(
                        _tag(token.content, without_end=tags.lacks_end(token.content, before))
                    )
                case "link_open":
                    links.append((str(token.attrs.get("href", "")), len(parts)))
                case "link_close":
                    target, since = links.pop()
                    parts.append(self._target(target, "".join(parts[since:])))
                case _ if at in literal:
                    parts.append(token.markup)
        return "".join(parts)

    def read_alternative(self, image: Token) -> str:
        """Read what stands for an image; where nothing does, its target is left out, too."""
        text = "".join(
            token.content for token in image.children or () if token.type != "html_inline"
        )
        if not text:
            self.left_out["images without a text"] += 1
        return text

    def _target(self, target: str, said: str) -> str:
        """Spell where a link leads, unless its text does or it stays within the site."""
        self.used.add(target)
        if not _ADDRESS.match(target):
            self.left_out["targets of links within the site"] += bool(target)
            return ""
        shown = target.removeprefix("mailto:").removeprefix("tel:")
        if shown in said or shown.rstrip("/").partition("://")[2] == said:
            return ""
        self.targets_left -= len(shown)
        if self.targets_left < 0:
            self.left_out["repeated targets of links"] += 1
            return ""
        return f" ({shown})"


def _literal_marks(tokens: Sequence[Token]) -> set[int]:
    """Return at which places marks of emphasis stand that their author meant as signs."""
    open_marks: list[int] = []
    literal: set[int] = set()
    for at, token in enumerate(tokens):
        if token.type in ("em_open", "strong_open"):
            open_marks.append(at)
        elif token.type in ("em_close", "strong_close") and open_marks:
            start = open_marks.pop()
            if _is_literal(tokens, start, at):
                literal.update((start, at))
    return literal


def _is_literal(tokens: Sequence[Token], start: int, stop: int) -> bool:
    before = _text_at(tokens, start - 1)[-1:]
    after = _text_at(tokens, stop + 1)[:1]
    if before.isdigit() or after.isdigit():
        return True
    if _in_word(before) and _in_word(after):
        return True
    inside = tokens[start + 1].content if stop == start + 2 else ""
    return tokens[start].markup == "__" and _IDENTIFIER.fullmatch(inside) is not None


def _text_at(tokens: Sequence[Token], at: int) -> str:
    return tokens[at].content if 0 <= at < len(tokens) and tokens[at].type == "text" else ""


def _in_word(character: str) -> bool:
    """Whether a character is of a script whose words are set apart by spaces."""
    return character == "_" or (character.isalnum() and character < "\u0e00")


def _tag(tag: str, *, without_end: bool) -> str:
    """Spell a tag: as a line break, as nothing, or as it stands where it is no tag of HTML."""
    if tag.lower().startswith("<br"):
        return "\n"
    found = _TAG.fullmatch(tag)
    if found is None:
        return ""  # a comment, an instruction
    name = found["name"].lower()
    if name in _STRUCK:
        return STRIKE
    if name == "sup" and not found["closing"] and not without_end:
        return "^"  # 10<sup>6</sup> is not 106
    if name not in _OF_HTML:
        return "" if "=" in found["rest"] else tag
    bare = name not in _WITHOUT_END and not found["rest"].strip()
    return tag if without_end and bare else ""


@dataclass(frozen=True)
class TagCounts:
    """How many tags of each element begin and end in a paragraph."""

    begun: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, paragraph: str) -> TagCounts:
        """Count."""
        counts = cls()
        for closing, name in _ENDS.findall(paragraph):
            (counts.ended if closing else counts.begun)[name.lower()] += 1
        return counts

    def lacks_end(self, tag: str, before: str) -> bool:
        """Say whether a tag has no end, as far as that can be told: `before` stands before it."""
        found = _ENDS.match(tag)
        if found is None or found[1]:
            return False
        name = found[2].lower()
        if not self.ended[name]:
            return True
        return self.begun[name] > self.ended[name] and _in_word(before)


def with_literal_tags(markup: str) -> str:
    """Escape the tags of a block of HTML that HTML does not know, so that they stand as text."""
    return _TAG.sub(_escaped, markup)


def _escaped(tag: re.Match[str]) -> str:
    known = tag["name"].lower() in _OF_HTML or "=" in tag["rest"]
    return tag[0] if known else f"&lt;{tag[0][1:-1]}&gt;"
