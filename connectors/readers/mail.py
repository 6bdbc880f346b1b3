"""Read mail: who wrote to whom and when, what was said, and what was attached.

Of a text in several forms the plain one is read, unless it says less than half of what the HTML
does. Lines that quote an earlier mail are told by `>`: they may be the only copy of it. Attachments
are read by their own readers; one that can't be read is named with the reason, and the mail is read
all the same. Mail within mail is read to a depth, all of it within one count of parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from itertools import groupby
from pathlib import PurePosixPath

from msgspec.structs import replace

from connectors.media_types import ALIASES, MEDIA_TYPES, OF_SUFFIX
from connectors.readers.blocks import block, flat, normalise
from connectors.readers.charsets import known_charset
from connectors.readers.damage import damaged
from connectors.readers.document_reader import DocumentBytes, DocumentReader, DocumentReading
from connectors.readers.guards import UnreadableDocument
from connectors.readers.html import read_html
from connectors.readers.plain import read_plain
from connectors.readers.reader_registry import reader_of
from schemas import Block

DEPTH_MAX = 5  # of mail within mail
PARTS_MAX = 500  # of one document, attachments and forms of a text together
BOUNDARIES_MAX = 100  # of a mail: the library looks for each of those around at every line
HEADER_BYTES_MAX = 4_096  # of one that tells a type; the library takes quadratic time over these,
PARAMETERS_MAX = 40  # and over the semicolons in them
SHOWN_CHARS_MAX = 4_000  # of a header
_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_TYPE_HEADERS = re.compile(rb"(?im)^content-[a-z-]{1,40}:[^\n]*(?:\n[ \t][^\n]*)*")
_BOUNDARY = re.compile(rb"boundary\s{0,9}=", re.IGNORECASE)
_QUOTE = re.compile(r"[>|]+ ?")
_MBOX_FROM = re.compile(rb"(?:\A|\n\r?\n)From \S{1,300} [^\n]{0,99}(?:\d:|19|20)\d\d[^\n]{0,99}\n")
_WORDS = re.compile(r"\w+")
TOO_DEEP = "the document nests mail too deep: forward the inner one by itself"


@dataclass
class MailReader:
    """Reads a mail and what is in it; `notes` gains what could not be read."""

    notes: list[str]
    parts_left: int = PARTS_MAX
    names: list[str] = field(default_factory=list)
    """Of attachments of the mail."""
    beside: list[Block] | None = None
    """Attachments within a form of a text: they are read, whichever form is."""

    def read(self, content: bytes, depth: int = 0) -> tuple[str, list[Block]]:
        """Read a mail's subject and blocks; raises UnreadableDocument."""
        return self.read_message(_parsed(content), depth)

    def read_message(self, message: Message, depth: int) -> tuple[str, list[Block]]:
        """Read a mail that was parsed."""
        if depth > DEPTH_MAX:
            raise UnreadableDocument(TOO_DEEP)
        around, self.names, beside, self.beside = self.names, [], self.beside, None
        subject = _header(message, "Subject")
        try:
            body = list(self._part(message, depth))
        finally:
            names, self.names, self.beside = self.names, around, beside
        rows = [f"{name}: {text}" for name in _SHOWN if (text := _header(message, name))]
        rows += [f"Attachments: {', '.join(names)}"] if names else []
        head = [*block("heading", subject, 1), *block("table", "\n".join(rows))]
        return subject, head + body

    def _part(self, part: Message, depth: int) -> Iterator[Block]:
        """Read a part, by its type."""
        self.parts_left -= 1
        if self.parts_left < 0:
            raise UnreadableDocument(f"the mail has more than {PARTS_MAX} parts: submit them alone")
        kind = part.get_content_type()
        payload = part.get_payload() if part.is_multipart() else ()  # else by any charset decoded
        inner = [one for one in payload if isinstance(one, Message)]
        kind = "text/plain" if kind.startswith("multipart/") and not inner else kind  # no boundary
        if kind == "multipart/alternative":
            yield from self._alternative(inner, depth)
        elif kind == "message/rfc822" and inner:
            yield from self._placed(self._attached_mail(part, inner[0], depth))
        elif inner:
            for one in inner:
                yield from self._part(one, depth)
        elif part.get_content_disposition() == "attachment" or not kind.startswith("text/"):
            yield from self._placed(self._attachment(part, kind, depth))
        else:
            yield from self._text(part, kind)

    def _alternative(self, forms: list[Message], depth: int) -> Iterator[Block]:
        plain = [one for one in forms if one.get_content_type() == "text/plain"]
        others = [
            one for one in forms if one.get_content_type() not in ("text/plain", "text/calendar")
        ]
        said = list(self._text(plain[0], "text/plain")) if plain else []
        around, self.beside = self.beside, []
        richer = [one for form in others[-1:] for one in self._part(form, depth)]
        beside, self.beside = self.beside, around
        yield from richer if _words(richer) > 2 * _words(said) else said
        yield from self._placed(beside)

    def _placed(self, attached: Iterable[Block]) -> Iterable[Block]:
        """Put what is attached where it stands, or beside the forms of a text that it is in."""
        if self.beside is None:
            return attached
        self.beside.extend(attached)
        return ()

    def _text(self, part: Message, kind: str) -> Iterator[Block]:
        charset = str(part.get_param("charset") or "")
        document = DocumentBytes(
            _content(part), "text/html" if "html" in kind else kind, f"charset={charset}"
        )
        try:
            text = document.text()
        except UnreadableDocument as error:
            self.notes.append(f"a part of the mail was left out: {error}")
            return
        self.notes.extend(document.notes)
        if "html" in kind:
            yield from read_html(text, self.notes)[1]
        else:
            yield from said_and_quoted(_unflowed(text, part), self.notes)

    def _attached_mail(self, part: Message, inner: Message, depth: int) -> Iterator[Block]:
        name = _file_name(part) or _header(inner, "Subject") or "mail"
        try:
            blocks = self.read_message(inner, depth + 1)[1]
        except UnreadableDocument as error:
            yield from self.unread(name, str(error))
            return
        yield from self.under_name(name, blocks)

    def _attachment(self, part: Message, kind: str, depth: int) -> Iterator[Block]:
        name, content = _file_name(part), _content(part)
        if name or content:
            kind = f"{kind}; charset={part.get_param('charset') or ''}"
            yield from self.attached(name, kind, content, depth)

    def attached(self, name: str, media_type: str, content: bytes, depth: int) -> Iterator[Block]:
        """Read an attachment by its own reader; where that fails, say why."""
        kind, _, parameters = media_type.partition(";")
        kind = _kind_of(name, kind.strip().lower())
        try:
            if kind == "message/rfc822":
                blocks = self.read(content, depth + 1)[1]
            else:
                blocks = self._by_reader(DocumentBytes(content, kind, parameters))
        except UnreadableDocument as error:
            yield from self.unread(name or kind, str(error))
            return
        yield from self.under_name(name or kind, blocks)

    def _by_reader(self, document: DocumentBytes) -> list[Block]:
        reader = reader_of(document.kind) if document.kind in MEDIA_TYPES else None
        if reader is None:
            raise UnreadableDocument("its media type can't be read")
        with damaged("attachment"):
            reading = reader.read(document)
            blocks = list(reading.blocks)
        self.notes.extend([*document.notes, *reading.notes])
        if not blocks:
            raise UnreadableDocument("it holds no text")
        return blocks

    def under_name(self, name: str, blocks: list[Block]) -> Iterator[Block]:
        """Put what was attached under its name."""
        self.names.append(name)
        yield from block("heading", f"Attachment: {name}", 2)
        for one in blocks:
            yield replace(one, level=min(6, one.level + 2)) if one.kind == "heading" else one

    def unread(self, name: str, reason: str) -> Iterator[Block]:
        """Say that an attachment could not be read."""
        self.names.append(name)
        self.notes.append(f"an attachment could not be read: {reason}")
        yield from block("paragraph", f"Attachment {name} could not be read: {reason}.")


def _parsed(content: bytes) -> Message:
    """Parse a mail; raises UnreadableDocument for one that would take the library too long."""
    if len(_BOUNDARY.findall(content)) > BOUNDARIES_MAX:
        raise UnreadableDocument(TOO_DEEP)
    for header in _TYPE_HEADERS.finditer(content):
        told = header[0]
        if len(told) > HEADER_BYTES_MAX or told.count(b";") > PARAMETERS_MAX:
            raise UnreadableDocument("a header of the mail is too long: submit its text alone")
    try:
        return BytesParser().parsebytes(content)
    except (MessageError, RecursionError, ValueError, LookupError):
        raise UnreadableDocument("the mail can't be read: submit its text alone") from None


def _content(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _header(message: Message, name: str) -> str:
    """Read a header, whatever charset its words are in."""
    values = (value for key, value in message.raw_items() if key.lower() == name.lower())
    raw = str(next(values, ""))[:SHOWN_CHARS_MAX]
    return _decoded_words(raw)


def _decoded_words(raw: str) -> str:
    try:
        words = decode_header(raw)
    except (MessageError, ValueError):
        words = []
    said = "".join(_word(text, charset) for text, charset in words)
    return flat(normalise(said or _word(raw, None)))


def _word(text: bytes | str, charset: str | None) -> str:
    if isinstance(text, str):
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return text.decode(known_charset(charset or "utf-8") or "cp1252", errors="replace")


def _file_name(part: Message) -> str:
    try:
        name = part.get_filename() or ""
    except (MessageError, ValueError, LookupError):
        return ""
    return _decoded_words(name[:500]).replace("\\", "/").rpartition("/")[2]


def _kind_of(name: str, kind: str) -> str:
    """Tell an attachment's media type, by its name where what is said can't be read."""
    kind = ALIASES.get(kind, kind)
    by_name = OF_SUFFIX.get(PurePosixPath(name.lower()).suffix, "")
    return by_name or kind if kind not in MEDIA_TYPES or kind == "text/plain" else kind


def _words(blocks: list[Block]) -> int:
    return sum(len(_WORDS.findall(one.text)) for one in blocks)


def _unflowed(text: str, part: Message) -> str:
    """Join the lines of a text whose sender's program broke them (RFC 3676)."""
    if str(part.get_param("format") or "").lower() != "flowed":
        return text
    gap = "" if str(part.get_param("delsp") or "").lower() == "yes" else " "
    return re.sub(r"(?<!\n--) \r?\n(?![>\s])", gap, text)


def said_and_quoted(text: str, notes: list[str]) -> Iterator[Block]:
    """Read what was written, and what was quoted of an earlier mail behind `>`."""
    lines = normalise(text).split("\n")
    for quoted, run in groupby(lines, key=lambda line: line.lstrip().startswith(">")):
        if not quoted:
            yield from read_plain("\n".join(run), notes)[1]
            continue
        said = "\n".join(_QUOTE.sub("", line.lstrip(), count=1) for line in run)
        for one in read_plain(said, notes)[1]:
            yield replace(one, kind="paragraph", level=0, text=f"> {one.text}")


def _messages(content: bytes) -> Iterator[bytes]:
    """Part a mailbox into its mails; what has no line between mails is one."""
    start = 0
    for found in _MBOX_FROM.finditer(content):
        if found.start() > start:
            yield content[start : found.start()]
        start = found.end()
    yield content[start:]


def _read(document: DocumentBytes) -> DocumentReading:
    reading = DocumentReading()
    reader = MailReader(reading.notes)
    if document.kind == "application/mbox":
        reading.blocks = _mails(reader, _messages(document.content))
        return reading
    reading.title, reading.blocks = reader.read(document.content)
    return reading


def _mails(reader: MailReader, messages: Iterator[bytes]) -> Iterator[Block]:
    for content in messages:
        reader.parts_left = PARTS_MAX
        try:
            yield from reader.read(content)[1]
        except UnreadableDocument as error:
            reader.notes.append(f"a mail could not be read: {error}")


READER = DocumentReader("mail", "1", _read)
