"""Read Outlook's MSG files: the same as mail, out of an OLE container.

Its streams are named by property and type (MS-OXMSG); text in 8-bit is of the code page that the
file tells. A body that is there as RTF alone is not read, which is told.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import olefile

from connectors.readers.blocks import block, flat, normalise
from connectors.readers.charsets import known_charset
from connectors.readers.damage import damaged
from connectors.readers.document_reader import DocumentBytes, DocumentReader, DocumentReading
from connectors.readers.guards import UnreadableDocument
from connectors.readers.html import read_html
from connectors.readers.mail import DEPTH_MAX, PARTS_MAX, TOO_DEEP, MailReader, said_and_quoted
from schemas import Block

SUBJECT, BODY, HTML, RTF = "0037", "1000", "1013", "1009"
FROM, FROM_ADDRESS, TO, CC = "0C1A", "5D01", "0E04", "0E03"
NAME, SHORT_NAME, DATA, MIME_TYPE = "3707", "3704", "3701", "370E"
RTF_ONLY = "the text of the mail is there as RTF alone, and was not read"
_PROPERTIES = "__properties_version1.0"
_SENT, _CODE_PAGE = 0x00390040, 0x3FFD0003
_HEADERS = (32, 24, 8)  # bytes before the properties of a mail, of one within it, of an attachment
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class OutlookFolder:
    """A mail or attachment in the container."""

    container: olefile.OleFileIO
    path: tuple[str, ...]
    header: int
    """Bytes before its properties."""
    code_page: str = "cp1252"

    def text(self, *properties: str) -> str:
        """Read the first of some texts that there is."""
        for name in properties:
            if (wide := self._stream(f"{name}001F")) is not None:
                return wide.decode("utf-16-le", errors="replace").rstrip("\0")
            if (narrow := self._stream(f"{name}001E")) is not None:
                return narrow.decode(self.code_page, errors="replace").rstrip("\0")
        return ""

    def data(self, name: str) -> bytes | None:
        """Read bytes."""
        return self._stream(f"{name}0102")

    def number(self, tag: int) -> int | None:
        """Read a number among the properties of fixed length."""
        properties = self._read(_PROPERTIES) or b""
        for at in range(self.header, len(properties) - 15, 16):
            found, _, value = struct.unpack_from("<IIQ", properties, at)
            if found == tag:
                return int(value)
        return None

    def folders(self) -> Iterator[tuple[str, ...]]:
        """List the attachments in it."""
        depth = len(self.path)
        for path in self.container.listdir(streams=False, storages=True):
            inside = len(path) == depth + 1 and tuple(path[:depth]) == self.path
            if inside and path[-1].startswith("__attach_version1.0_#"):
                yield tuple(path)

    def _stream(self, name: str) -> bytes | None:
        return self._read(f"__substg1.0_{name}")

    def _read(self, name: str) -> bytes | None:
        path = [*self.path, name]
        if self.container.get_type(path) != olefile.STGTY_STREAM:
            return None
        return bytes(self.container.openstream(path).read())


@dataclass
class OutlookReader:
    """Reads mails of a container, and what is attached to them."""

    container: olefile.OleFileIO
    mail: MailReader
    """Reads attachments, and counts them."""

    def read(self, path: tuple[str, ...], depth: int) -> tuple[str, list[Block]]:
        """Read the subject and blocks of a mail."""
        if depth > DEPTH_MAX:
            raise UnreadableDocument(TOO_DEEP)
        folder = OutlookFolder(self.container, path, _HEADERS[1 if path else 0])
        page = folder.number(_CODE_PAGE)
        charset = known_charset(f"cp{page & 0xFFFF}") if page else ""
        folder = OutlookFolder(self.container, path, folder.header, charset or "cp1252")
        around, self.mail.names = self.mail.names, []
        body = [*self._body(folder), *self._attachments(folder, depth)]
        subject = flat(normalise(folder.text(SUBJECT)))
        rows = [f"{name}: {flat(text)}" for name, text in _told(folder) if text]
        rows += [f"Attachments: {', '.join(self.mail.names)}"] if self.mail.names else []
        self.mail.names = around
        head = [*block("heading", subject, 1), *block("table", "\n".join(rows))]
        return subject, head + body

    def _body(self, folder: OutlookFolder) -> Iterator[Block]:
        if text := folder.text(BODY):
            yield from said_and_quoted(text, self.mail.notes)
        elif markup := folder.data(HTML) or folder.text(HTML).encode():
            document = DocumentBytes(markup, "text/html")
            yield from read_html(document.text(), self.mail.notes)[1]
        elif folder.data(RTF):
            self.mail.notes.append(RTF_ONLY)

    def _attachments(self, folder: OutlookFolder, depth: int) -> Iterator[Block]:
        for path in folder.folders():
            self.mail.parts_left -= 1
            if self.mail.parts_left < 0:
                raise UnreadableDocument(f"the mail has more than {PARTS_MAX} attachments")
            attached = OutlookFolder(self.container, path, _HEADERS[2], folder.code_page)
            name = flat(attached.text(NAME, SHORT_NAME))
            inner = (*path, f"__substg1.0_{DATA}000D")
            if self.container.get_type(list(inner)) == olefile.STGTY_STORAGE:
                yield from self._attached_mail(inner, name, depth)
            else:
                content = attached.data(DATA) or b""
                yield from self.mail.attached(name, attached.text(MIME_TYPE), content, depth)

    def _attached_mail(self, path: tuple[str, ...], name: str, depth: int) -> Iterator[Block]:
        try:
            subject, blocks = self.read(path, depth + 1)
        except UnreadableDocument as error:
            yield from self.mail.unread(name or "mail", str(error))
            return
        yield from self.mail.under_name(name or subject or "mail", blocks)


def _told(folder: OutlookFolder) -> Iterator[tuple[str, str]]:
    address = folder.text(FROM_ADDRESS)
    sender = folder.text(FROM)
    yield "From", f"{sender} <{address}>" if address and address != sender else sender or address
    yield "To", folder.text(TO)
    yield "Cc", folder.text(CC)
    if sent := folder.number(_SENT):
        with damaged("date of a mail"):
            moment = _EPOCH + timedelta(microseconds=sent // 10)
            yield "Date", moment.isoformat(sep=" ", timespec="seconds")
    yield "Subject", folder.text(SUBJECT)


def _read(document: DocumentBytes) -> DocumentReading:
    reading = DocumentReading()
    with damaged("mail"), olefile.OleFileIO(io.BytesIO(document.content)) as container:
        if not container.exists(_PROPERTIES):
            raise UnreadableDocument("this is no mail of Outlook: submit it with its media type")
        reader = OutlookReader(container, MailReader(reading.notes))
        reading.title, reading.blocks = reader.read((), 0)
    return reading


READER = DocumentReader("outlook", f"1, olefile {version('olefile')}", _read)
