"""Documents: reads text, Markdown and HTML into blocks, and counts the embedder's tokens.

Both are local effects: executed again at replay, so nothing here may depend on more than the
request and the versions of the libraries, which every answer names. A document that can't be read
is an answer, too (`Parsed.error`), not an exception: somebody submitted it and must hear what to
do. No error quotes the document.

Why it is so: documents are hostile. Each library here meets inputs that its authors did not think
of (a hundred thousand open tags, or open brackets), so each has a plainer reader behind it which is
linear and loses no text, only the structure.
"""

from __future__ import annotations

import asyncio
import codecs
import html
import re
import unicodedata
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import lxml.html
import regex
from lxml import etree
from markdown_it import MarkdownIt
from markdown_it.token import Token
from tokenizers import Tokenizer

from agents.errors import Permanent
from schemas import (
    Block,
    BlockKind,
    CountTokens,
    Parse,
    Parsed,
    Request,
    StreamRequest,
    TokenCounts,
)
from streams.running.world import Call, Handler, StreamHandler
from streams.settings import Settings

READER_VERSION = 2  # of the rules in this module: raise it when the same bytes give other blocks
THREADS = 2  # documents read at once: more would only starve the event loop
HERE_BYTES_MAX = 16_384  # what is smaller is read at once, since a thread would cost more
WRAPPED_CHARS_MIN = 50  # a line this long was broken to fit a page, not to say something


class Documents:
    """Answers Parse and CountTokens."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="documents")

    def handlers(self) -> Mapping[type[Request[Any]], Handler]:
        """Return who answers which request."""
        return {Parse: self.parse, CountTokens: self.count_tokens}

    def stream_handlers(self) -> Mapping[type[StreamRequest[Any]], StreamHandler]:
        """Return nothing: no answer comes in parts."""
        return {}

    async def close(self) -> None:
        """Let the threads go; what they are reading is dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def parse(self, request: Parse, _call: Call) -> Parsed:
        """Read a document; what is wrong with it stands in the answer."""
        if len(request.content) <= HERE_BYTES_MAX:
            return parse(request.media_type, request.content)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, parse, request.media_type, request.content)

    async def count_tokens(self, request: CountTokens, _call: Call) -> TokenCounts:
        """Measure texts. Raises Permanent where the tokenizer is not installed."""
        tokenizer = self._tokenizer
        texts = list(request.texts)
        if sum(map(len, texts)) <= HERE_BYTES_MAX:
            return count_tokens(tokenizer, texts)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, count_tokens, tokenizer, texts)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        path = Path(self._settings.tokenizer)
        if not self._settings.tokenizer or not path.exists():
            raise Permanent(
                f"the embedder's tokenizer is not at {path}: set PLAYHEAD_TOKENIZER to its "
                "tokenizer.json, or run `playhead up`"
            )
        return load_tokenizer(path)


def load_tokenizer(path: Path) -> Tokenizer:
    """Load a tokenizer that counts everything: no truncation, no padding."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def count_tokens(tokenizer: Tokenizer, texts: list[str]) -> TokenCounts:
    """Count the tokens of each text, the model's own marks left out."""
    encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    return TokenCounts(counts=tuple(len(encoding) for encoding in encodings))


# ---------------------------------------------------------------------- reading a document


class Unreadable(Exception):
    """A document that can't be read; the message says why and what to do, and quotes nothing."""


def parse(media_type: str, content: bytes) -> Parsed:
    """Read a document into blocks by its media type, such as `text/html; charset=utf-8`."""
    kind, _, parameters = media_type.partition(";")
    kind = kind.strip().lower()
    reader, parser, parser_version = READERS.get(kind, (None, "", ""))
    try:
        if reader is None:
            raise Unreadable(
                "this media type can't be read: submit "
                + ", ".join(sorted(READERS))
                + ", or convert the document to one of them"
            )
        text = decode(content, declared_charset(parameters) or declared_in(kind, content))
        title, blocks = reader(text)
        if not blocks:
            raise Unreadable("the document holds no text: submit one that does")
    except Unreadable as error:
        return Parsed(blocks=(), parser=parser, parser_version=parser_version, error=str(error))
    return Parsed(
        title=flat(normalise(title)),
        blocks=tuple(blocks),
        parser=parser,
        parser_version=parser_version,
    )


# ---------------------------------------------------------------------- bytes to characters

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = bytes((*range(9), *range(14, 27), *range(28, 32), 127))  # that text has no use for
_NOT_TEXT = (
    (b"%PDF-", "a PDF file"),
    (b"PK\x03\x04", "a ZIP or Office file"),
    (b"\xd0\xcf\x11\xe0", "an old Office file"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x7fELF", "a program"),
    (b"{\\rtf", "an RTF file"),
)
# Labels that pages use for a superset of the charset they name (WHATWG Encoding Standard).
_LABELS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "utf-7": "utf-8",
    "utf-16": "utf-8",  # whoever can read the label is not reading UTF-16
    "utf-16-le": "utf-8",
    "utf-16-be": "utf-8",
    "utf-32": "utf-8",
}
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE | re.ASCII)
_META = re.compile(rb"<(?:meta\b[^>]{0,500}|\?xml\b[^>]{0,200})>", re.IGNORECASE)
_ENCODING = re.compile(r"encoding\s*=\s*[\"']([\w.:-]{1,40})", re.ASCII)


def declared_charset(text: str) -> str:
    """Find the charset in the parameters of a media type, or in a meta tag."""
    found = _CHARSET.search(text) or _ENCODING.search(text)
    return found.group(1) if found else ""


def declared_in(kind: str, content: bytes) -> str:
    """Find the charset that an HTML page declares about itself."""
    if kind not in ("text/html", "application/xhtml+xml"):
        return ""
    for tag in _META.finditer(content[:65_536]):
        if charset := declared_charset(tag.group().decode("latin-1")):
            return charset
    return ""


def decode(content: bytes, declared: str) -> str:
    """Turn bytes into characters.

    A byte order mark decides; then UTF-8, which other charsets hit by chance only without letters
    of their own; then what is declared; then UTF-16 or UTF-32 by their zeros; then Windows-1252.
    Raises Unreadable for what is not text.
    """
    for mark, name in _BOMS:
        if content.startswith(mark):
            return content[len(mark) :].decode(name, errors="replace")
    for magic, what in _NOT_TEXT:
        if content.startswith(magic):
            raise Unreadable(f"this is {what}, not text: extract its text and submit that")
    if wide := _wide(content):
        return content.decode(wide, errors="replace")
    controls = len(content) - len(content.translate(None, _CONTROLS))
    if controls > 16 + len(content) // 20:
        raise Unreadable("this is binary data, not text: extract its text and submit that")
    charset = _known(declared)
    if charset.startswith("iso2022") or charset == "hz":  # looks like ASCII, and is not
        return content.decode(charset, errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        # a torn character at the end, or some noise, does not make UTF-8 another charset
        if charset == "utf-8" or _mostly_utf8(content):
            return content.decode("utf-8", errors="replace")
    try:
        return content.decode(charset or "cp1252")
    except UnicodeDecodeError:
        return content.decode(charset or "latin-1", errors="replace")


def _known(label: str) -> str:
    try:
        found = codecs.lookup(label)
        "".encode(found.name)  # refuses codecs that are no charsets, such as rot13
    except (LookupError, ValueError):
        return ""
    return _LABELS.get(found.name, found.name)


def _mostly_utf8(content: bytes) -> bool:
    text = content.decode("utf-8", errors="replace")
    beyond_ascii = sum(character > "\x7f" for character in text)
    return text.count("\ufffd") * 4 < beyond_ascii


def _wide(content: bytes) -> str:
    """Recognise UTF-16 and UTF-32 without a mark by where the zeros of Latin text stand."""
    sample = content[:4_096]
    if len(sample) < 4:
        return ""
    high = [sample[at::4].count(0) * 8 > len(sample) for at in range(4)]  # more than half of them
    patterns = {
        (False, True, True, True): "utf-32-le",
        (True, True, True, False): "utf-32-be",
        (False, True, False, True): "utf-16-le",
        (True, False, True, False): "utf-16-be",
    }
    return patterns.get((high[0], high[1], high[2], high[3]), "")


# ---------------------------------------------------------------------- characters to clean text

_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f"  # controls
    "\u00ad\u200b\ufeff\u2060-\u2064"  # soft hyphen, spaces without width
    "\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069"  # direction marks: text reads as stored
    "\ud800-\udfff\ufdd0-\ufdef\ufff9-\ufffb"  # surrogates, noncharacters, annotation marks
    "\U000e0000-\U000e007f]"  # tags: can spell hidden instructions
)
_SPACES = re.compile(r"[^\S\n]+")
_SPACES_AT_ENDS = re.compile(r"(?m)^ | $")
_LONG_SPACES = re.compile(r"[^\S\n]{17,}")
_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*+\n)+")


_NORMAL = re.compile(r"[\n\t -~]*+")  # most of what is read twice
_MARKS_BEYOND_REASON = regex.compile(r"(\p{M}{30})\p{M}++")
"""More than Unicode's stream-safe format (UAX 15) allows; NFC takes quadratic time over them."""


def normalise(text: str) -> str:
    """Bring text to NFC, with newlines as the only line ends and nothing that can't be seen."""
    if _NORMAL.fullmatch(text):
        return text
    text = _INVISIBLE.sub("", _LINE_ENDS.sub("\n", text))
    text = _MARKS_BEYOND_REASON.sub(r"\1", text)
    return unicodedata.normalize("NFC", text)


def prose(text: str) -> str:
    """Normalise the spaces of running text: one between words, none at the ends of lines."""
    text = _SPACES_AT_ENDS.sub("", _SPACES.sub(" ", text))
    return _BLANK_LINES.sub("\n", text).strip()


def flat(text: str) -> str:
    """Bring text onto one line."""
    return " ".join(text.split())


def literal(text: str) -> str:
    """Normalise the spaces of code: kept, but for the ends of lines and absurd runs."""
    lines = (line.rstrip() for line in _LONG_SPACES.sub(" " * 16, text).split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n")


def block(kind: BlockKind, text: str, level: int = 0) -> Iterator[Block]:
    """Yield a block, unless it would say nothing."""
    cleaned = normalise(text)
    if kind == "heading":
        cleaned = flat(cleaned)
    elif kind == "code":
        cleaned = literal(cleaned)
    else:
        cleaned = prose(cleaned)
    if cleaned.strip():
        yield Block(kind=kind, level=level, text=cleaned)


# ---------------------------------------------------------------------- plain text

_UNDERLINE = re.compile(r"([=\-~^*#+])\1{2,}")
_UNDERLINE_LEVELS = {"=": 1, "-": 2, "~": 3}
_ITEM = re.compile(r"\s*(?:[-*+•‣o]|\d{1,3}[.)]|[a-zA-Z][.)])\s")


def read_plain(text: str) -> tuple[str, list[Block]]:
    """Read plain text: paragraphs between blank lines, headings by their look."""
    blocks: list[Block] = []
    for paragraph in re.split(r"\n(?:[^\S\n]*+\n)+", normalise(text).expandtabs(8)):
        lines = [line.rstrip() for line in paragraph.split("\n") if line.strip()]
        while lines:
            if len(lines) > 1 and _underlines(lines[0], lines[1]):
                level = _UNDERLINE_LEVELS.get(lines[1].strip()[0], 4)
                blocks.extend(block("heading", lines[0], level))
                lines = lines[2:]
                continue
            if len(lines) == 1 and _shouts(lines[0]):
                blocks.extend(block("heading", lines[0], 2))
                break
            under = next(
                (
                    at
                    for at, (one, two) in enumerate(pairwise(lines))
                    if at and _underlines(one, two)
                ),
                len(lines),
            )
            blocks.extend(block("paragraph", _unwrapped(lines[:under])))
            lines = lines[under:]
    return "", blocks


def _underlines(line: str, mark: str) -> bool:
    length = len(line.strip())
    mark = mark.strip()
    return bool(
        _UNDERLINE.fullmatch(mark)
        and abs(len(mark) - length) <= 3
        and any(character.isalnum() for character in line)
    )


def _shouts(line: str) -> bool:
    """Whether a line by itself is a heading in capitals, as in manual pages."""
    return len(line) <= 60 and line.isupper() and not line.startswith((" ", "\t"))


def _unwrapped(lines: list[str]) -> str:
    """Join lines that were broken to fit a page."""
    text = lines[0]
    for line, follows in pairwise(lines):
        wrapped = len(line) >= WRAPPED_CHARS_MIN and not _ITEM.match(follows)
        text += (" " if wrapped else "\n") + follows.strip()
    return text


# ---------------------------------------------------------------------- Markdown

NESTING_MAX = 90  # beyond it the library drops text, and no page means it
INLINE_CHARS_MAX = 20_000  # of one paragraph; beyond these two it is read as it stands,
INLINE_OPENINGS_MAX = 500  # because the library's time grows with their square
LINES_MAX = 250_000  # 20 s of work; a longer document is read as plain text
_MARKDOWN_BLOCKS = MarkdownIt("commonmark", {"maxNesting": NESTING_MAX + 10}).enable("table")
_MARKDOWN_BLOCKS.disable("inline")  # paragraphs come out as they stand
_MARKDOWN_INLINE = MarkdownIt("commonmark").enable("strikethrough")
_FRONT_MATTER = re.compile(
    r"\A---[^\S\n]*\n(.{0,8000}?)\n(?:---|\.\.\.)[^\S\n]*(?:\n|\Z)", re.DOTALL
)
_FRONT_TITLE = re.compile(r"(?m)^title:[^\S\n]*(.+)$")


def read_markdown(text: str) -> tuple[str, list[Block]]:
    """Read Markdown (CommonMark, tables); what is nested beyond reason is read as plain text."""
    text, title = normalise(text), ""
    if front := _FRONT_MATTER.match(text):
        found = _FRONT_TITLE.search(front.group(1))
        title = found.group(1).strip().strip("\"'") if found else ""
        text = text[front.end() :]
    if text.count("\n") > LINES_MAX:
        return title, read_plain(text)[1]
    tokens = _MARKDOWN_BLOCKS.parse(text)
    if any(token.level >= NESTING_MAX for token in tokens):
        return title, read_plain(text)[1]
    blocks = list(_markdown_blocks(tokens))
    if not title:
        title = next((one.text for one in blocks if one.kind == "heading" and one.level == 1), "")
    return title, blocks


def _markdown_blocks(tokens: list[Token]) -> Iterator[Block]:
    lists: list[tuple[str, int]] = []  # kind and next number of the lists around
    items: list[str] = []
    row: list[str] = []
    rows: list[str] = []
    mark, heading, in_table = "", 0, False
    for token in tokens:
        match token.type:
            case "bullet_list_open":
                lists.append(("-", 0))
            case "ordered_list_open":
                lists.append(("1", int(token.attrs.get("start", 1) or 0)))
            case "list_item_open":
                kind, number = lists[-1]
                mark = "- " if kind == "-" else f"{number}. "
                lists[-1] = (kind, number + 1)
            case "bullet_list_close" | "ordered_list_close":
                lists.pop()
                if not lists:
                    yield from block("list", "\n".join(items))
                    items = []
            case "heading_open":
                heading = int(token.tag[1])
            case "heading_close":
                heading = 0
            case "table_open":
                in_table, rows = True, []
            case "tr_close":
                rows.append(" | ".join(row))
                row = []
            case "table_close":
                in_table = False
                yield from block("table", "\n".join(rows))
            case "inline":
                content = _inline(token.content)
                if in_table:
                    row.append(flat(content))
                elif heading:
                    yield from block("heading", content, heading)
                elif lists:
                    items.append(mark + content)
                    mark = ""
                else:
                    yield from block("paragraph", content)
            case "fence" | "code_block":
                if lists:  # in its place among the items
                    yield from block("list", "\n".join(items))
                    items = []
                yield from block("code", token.content)
            case "html_block":
                if lists:
                    yield from block("list", "\n".join(items))
                    items = []
                yield from read_html(token.content)[1]


def _inline(content: str) -> str:
    """Take the marks out of a paragraph: link texts, alternative texts and code stay."""
    if not _MARKS.search(content):
        return _SOFT_BREAK.sub(" ", content)
    if len(content) > INLINE_CHARS_MAX or content.count("[") > INLINE_OPENINGS_MAX:
        return html.unescape(content)
    parts: list[str] = []
    for token in _MARKDOWN_INLINE.parseInline(content)[0].children or ():
        match token.type:
            case "text" | "code_inline" | "text_special":
                parts.append(token.content)
            case "softbreak":  # where the author's editor wrapped the line: no end of anything
                parts.append(" ")
            case "hardbreak":
                parts.append("\n")
            case "image":
                parts.append(token.content)
            case "html_inline" if token.content.lower().startswith("<br"):
                parts.append("\n")
    return "".join(parts)


_SOFT_BREAK = re.compile(r"(?<!  )\n")  # two spaces before it make it a hard one
_MARKS = re.compile(r"[\\`*_\[\]<>&~!]")


# ---------------------------------------------------------------------- HTML

# fmt: off
_NEVER_TEXT = ("script", "style", "template", "noscript")
_SILENT = frozenset((
    "head", "nav", "aside", "svg", "math", "iframe", "object", "embed", "applet", "canvas", "audio",
    "video", "map", "select", "textarea", "button", "input", "datalist", "dialog", "noframes",
))
_SILENT_ROLES = frozenset((
    "navigation", "banner", "contentinfo", "search", "menu", "menubar", "dialog",
))
_BREAKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "dir",
    "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4",
    "h5", "h6", "header", "hgroup", "hr", "html", "legend", "li", "main", "menu", "nav", "ol", "p",
    "pre", "section", "summary", "ul", "table", "caption", "thead", "tbody", "tfoot", "tr", "td",
    "th",
))
_LISTS = ("ul", "ol", "dir", "menu")
# fmt: on
TAGS_MAX = 400_000  # a tree of more would take more memory than any page is worth
_LINE = "\u2028"  # stands for <br> until `normalise`, while newlines of the source are spaces
_HEADING = re.compile(r"h[1-6]")


_NEWLINES = re.compile(r"[\r\n]+")


def read_html(text: str) -> tuple[str, list[Block]]:
    """Read HTML: the text a reader would see, without navigation."""
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True
    )
    root = None
    if text.strip() and text.count("<") <= TAGS_MAX:
        try:
            data = text.encode("utf-8", errors="replace")
            root = lxml.html.document_fromstring(data, parser=parser)
        except (etree.ParserError, etree.XMLSyntaxError, ValueError):
            root = None  # nothing but markup, or markup beyond repair
    too_deep = any(entry.level_name == "FATAL" for entry in parser.error_log)  # the rest is missing
    if root is None or too_deep:
        return "", read_plain(strip_tags(text))[1]
    etree.strip_elements(root, *_NEVER_TEXT, with_tail=False)
    for line_break in root.iter("br"):
        line_break.tail = _LINE + (line_break.tail or "")
    title = root.findtext(".//title") or ""
    for page in (Page(boilerplate=False), Page(boilerplate=True)):
        page.read(root)
        if page.blocks:
            break
    if not title:
        title = next((one.text for one in page.blocks if one.level == 1), "")
    return title, page.blocks or list(block("heading", title, 1))


_TAG = re.compile(r"<(?:(?P<silent>script|style)\b|/?[a-z]|[!?])", re.IGNORECASE)
_BREAKING_TAG = re.compile(r"</?(?:p|div|br|li|tr|h[1-6])\b", re.IGNORECASE)
_CLOSING = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style")}


def strip_tags(text: str) -> str:
    """Take out tags, comments, scripts and styles in one pass, whatever their nesting."""
    parts: list[str] = []
    at = 0
    while tag := _TAG.search(text, at):
        start = tag.start()
        closer = "-->" if text.startswith("<!--", start) else ">"
        end = text.find(closer, start)
        if end < 0:
            break
        parts += (text[at:start], "\n" if _BREAKING_TAG.match(text, start) else " ")
        at = end + len(closer)
        if silent := tag.group("silent"):
            close = _CLOSING[silent.lower()].search(text, at)
            at = close.start() if close else len(text)
    parts.append(text[at:])
    return html.unescape("".join(parts))


@dataclass
class Page:
    """Reads a parsed page into blocks, without recursion: pages nest as deep as they like."""

    boilerplate: bool
    """Whether to read navigation and what else is silent for a reader, too."""
    blocks: list[Block] = field(default_factory=list)
    _text: list[str] = field(default_factory=list)
    _lists: list[int] = field(default_factory=list)
    _mark: str = ""
    _items: list[str] = field(default_factory=list)

    def read(self, root: Any) -> None:
        """Walk the page in reading order."""
        stack: list[tuple[Any, bool]] = [(root, False)]
        while stack:
            element, leaving = stack.pop()
            if leaving:
                self._leave(element)
            elif isinstance(element.tag, str) and not (
                self._silent(element) or self._whole(element)
            ):
                self._enter(element)
                self._text.append(element.text or "")
                stack.append((element, True))
                stack.extend((child, False) for child in reversed(element))
                continue
            self._text.append(element.tail or "")
        self._flush()
        self._flush_list()

    def _silent(self, element: Any) -> bool:
        if self.boilerplate:
            return bool(element.tag == "head")
        if element.tag in _SILENT or element.get("role", "").lower() in _SILENT_ROLES:
            return True
        if element.tag in ("header", "footer"):
            parent = element.getparent()
            return parent is not None and parent.tag == "body" and element.find(".//h1") is None
        return (
            element.get("hidden") is not None
            or element.get("aria-hidden", "").lower() == "true"
            or "display:none" in element.get("style", "").replace(" ", "").lower()
        )

    def _whole(self, element: Any) -> bool:
        """Read a heading, a listing or a table of data in one piece; say whether it was one."""
        tag = element.tag
        if _HEADING.fullmatch(tag):
            read = list(block("heading", said(element), int(tag[1])))
        elif tag == "pre":
            read = list(block("code", "".join(element.itertext())))
        elif tag == "table" and _is_data(element):
            captions = " ".join(said(caption) for caption in element.iterfind("caption"))
            read = [*block("paragraph", captions), *block("table", "\n".join(_rows(element)))]
        else:
            return False
        self._flush()
        self._flush_list()
        self.blocks.extend(read)
        return True

    def _enter(self, element: Any) -> None:
        tag = element.tag
        if tag in _BREAKS:
            self._flush()
        if tag in _LISTS:
            start = element.get("start", "1")
            numbered = int(start) if start.isdecimal() and len(start) < 6 else 1
            self._lists.append(numbered if tag == "ol" else -1)
        elif tag == "li":
            number = self._lists[-1] if self._lists else -1
            self._mark = "- " if number < 0 else f"{number}. "
            if number >= 0:
                self._lists[-1] += 1
        elif tag == "img" and element.get("alt"):
            self._text.append(f" {element.get('alt')} ")

    def _leave(self, element: Any) -> None:
        tag = element.tag
        if tag in _BREAKS:
            self._flush()
        if tag in _LISTS:
            self._lists.pop()
            if not self._lists:
                self._flush_list()

    def _flush(self) -> None:
        """Close the paragraph or list item that is being read."""
        text = prose(normalise(_NEWLINES.sub(" ", "".join(self._text))))
        self._text = []
        if not text:
            return
        if self._lists:
            self._items.append(self._mark + text)
            self._mark = ""
        else:
            self.blocks.extend(block("paragraph", text))

    def _flush_list(self) -> None:
        items, self._items = self._items, []
        self.blocks.extend(block("list", "\n".join(items)))


def said(element: Any) -> str:
    """Read an element as one line, with a space wherever a block begins or ends."""
    parts: list[str] = []
    for event, inner in etree.iterwalk(element, events=("start", "end")):
        if inner.tag in _BREAKS:
            parts.append(" ")
        if event == "start":
            parts.append(inner.text or "")
        elif inner is not element:
            parts.append(inner.tail or "")
    return flat("".join(parts))


def _rows(table: Any) -> Iterator[str]:
    for row in table.iter("tr"):
        cells = [said(cell) for cell in row if cell.tag in ("td", "th")]
        if any(cells):
            yield " | ".join(cells)


def _is_data(table: Any) -> bool:
    """Whether a table holds data, not the layout of a page."""
    if table.find(".//table") is not None or table.find(".//h1") is not None:
        return False
    widest = max((len(row) for row in table.iter("tr")), default=0)
    longest = max((len("".join(cell.itertext())) for cell in table.iter("td")), default=0)
    return widest > 1 and longest <= 2_000


_LXML = f"{version('lxml')}+libxml2-{'.'.join(map(str, etree.LIBXML_VERSION))}.{READER_VERSION}"
READERS = {
    "text/plain": (read_plain, "plain", f"{READER_VERSION}"),
    "text/markdown": (
        read_markdown,
        "markdown-it-py",
        f"{version('markdown-it-py')}+lxml-{_LXML}",
    ),
    "text/html": (read_html, "lxml", _LXML),
}
"""Media types: who reads them, and what the manifest says about it."""
