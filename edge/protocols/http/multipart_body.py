"""A body of multipart/form-data (RFC 7578) with documents: read as it comes, files to the spool.

A file is a part with a file name. A part called `document` before it may describe it, in JSON.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import orjson
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from edge.callers.caller import Caller
from edge.problems import Problem
from edge.protocols.http.bodies import parse
from edge.protocols.http.file_description import FileDescription, check_name
from edge.requests import limits
from edge.uploading.spooled_files import FRAME_BYTES, SpooledFile, SpooledFiles

MEDIA_TYPE = "multipart/form-data"
PLAIN_ENCODINGS = frozenset({"", "7bit", "8bit", "binary"})


@dataclass(frozen=True)
class FormFile:
    """A file of a form."""

    name: str
    media_type: str
    """As the client names it; empty for none."""
    description: FileDescription
    spooled: SpooledFile
    digest: str
    """SHA-256 of all that was sent of it."""


@dataclass
class _Part:
    """The part that is being read."""

    headers: dict[str, bytes] = field(default_factory=dict)
    name: str = ""
    file_name: str | None = None
    content: bytearray = field(default_factory=bytearray)
    """Of a part that is no file."""


def is_multipart(content_type: str) -> bool:
    """Tell whether a body is a form with files."""
    return content_type.partition(";")[0].strip().lower() == MEDIA_TYPE


def boundary_of(content_type: str) -> bytes:
    """Return what stands between the parts of a body; raises Problem."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= limits.BOUNDARY_MAX:
        raise Problem(
            400,
            "malformed-form",
            f"the Content-Type has no boundary of 1 to {limits.BOUNDARY_MAX} characters: send one",
        )
    return boundary


class FormReader:
    """Reads a form; raises Problem at the first thing that is wrong with it."""

    def __init__(self, boundary: bytes, spool: SpooledFiles, caller: Caller) -> None:
        self.files: list[FormFile] = []
        self._spool, self._caller = spool, caller
        self._part = _Part()
        self._header_name, self._header_value = b"", b""
        self._parts = 0
        self._described: FileDescription | None = None
        self._description = b""
        self._digest = hashlib.sha256()
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._take_header_name,
                "on_header_value": self._take_header_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._take_data,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )

    async def read(self, body: AsyncIterator[bytes]) -> list[FormFile]:
        """Read a form to its end; raises Problem, OSError where the disk refuses."""
        async for part in body:
            try:
                self._parser.write(part)
            except FormParserError:
                raise _malformed("it is none, or its parts' headers are too long") from None
            if self._spool.waiting >= FRAME_BYTES:
                await asyncio.to_thread(self._spool.flush)
        if not self._ended:
            raise _malformed("it ends in the middle")
        if self._described is not None:
            raise _malformed("a description stands before no file")
        if not self.files:
            raise Problem(422, "invalid", "the form has no file: send parts with a file name")
        return self.files

    # ------------------------------------------------------------------ what the parser tells

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > limits.FORM_PARTS_MAX:
            raise Problem(
                413,
                "too-large",
                f"the form has more than {limits.FORM_PARTS_MAX} parts: send fewer files at once",
            )
        self._part = _Part()

    def _take_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _take_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        name = self._header_name.decode("latin-1").strip().lower()
        if name in self._part.headers:
            raise _malformed("a part has a header twice")
        self._part.headers[name] = self._header_value
        self._header_name, self._header_value = b"", b""

    def _end_headers(self) -> None:
        headers = self._part.headers
        kind, options = parse_options_header(headers.get("content-disposition", b""))
        encoding = headers.get("content-transfer-encoding", b"").decode("latin-1").strip().lower()
        if kind != b"form-data":
            raise _malformed("a part has no Content-Disposition of form-data")
        if encoding not in PLAIN_ENCODINGS:
            raise _malformed("a part is encoded for its transfer: send its bytes as they are")
        self._part.name = _text(options.get(b"name", b""))
        if b"filename" in options:
            self._begin_file(_text(options[b"filename"]))
        elif self._part.name != "document":
            raise Problem(
                422,
                "invalid",
                "a part has no file name, and is not called `document`: send files, each after "
                "what describes it",
            )
        elif self._described is not None:
            raise _malformed("two descriptions stand before one file")

    def _begin_file(self, name: str) -> None:
        check_name(name)
        if len(self.files) == limits.FORM_FILES_MAX:
            raise Problem(
                413,
                "too-large",
                f"the form has more than {limits.FORM_FILES_MAX} files: send fewer at once",
            )
        self._part.file_name = name
        media_type = self._part.headers.get("content-type", b"")
        self._digest = hashlib.sha256(
            orjson.dumps([name, _text(media_type), self._description.hex()])
        )

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        content = data[start:end]
        if self._part.file_name is not None:
            self._digest.update(content)
            self._spool.add(content)
            return
        self._part.content += content
        if len(self._part.content) > limits.DESCRIPTION_MAX:
            raise Problem(
                413,
                "too-large",
                f"a description has more than {limits.DESCRIPTION_MAX} bytes: send less",
            )

    def _end_part(self) -> None:
        part = self._part
        if part.file_name is None:
            self._description = bytes(part.content)
            self._described = parse(self._description, FileDescription, self._caller)
            return
        self.files.append(
            FormFile(
                part.file_name,
                _text(part.headers.get("content-type", b"")),
                self._described or FileDescription.model_validate({}),
                self._spool.end(),
                self._digest.hexdigest(),
            )
        )
        self._described, self._description = None, b""

    def _end(self) -> None:
        self._ended = True


def _text(spelt: bytes) -> str:
    try:
        return spelt.decode()
    except UnicodeDecodeError:
        raise _malformed("a header of a part is not UTF-8") from None


def _malformed(why: str) -> Problem:
    return Problem(
        400, "malformed-form", f"the body is no form ({why}): send multipart/form-data (RFC 7578)"
    )
