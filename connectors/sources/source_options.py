"""What sources of each kind are set up with: locations and options, checked.

Options are texts, as they stand on the log; each kind's are checked by the annotations here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import msgspec
from msgspec import Meta, Struct

from connectors.media_types import MEDIA_TYPES
from connectors.sources.file_uris import shown
from connectors.sources.secret_references import BadReference, check_reference
from connectors.sources.web_addresses import normal_address
from schemas.prepared_types import prepared
from streams.storage_places import SCHEME

LOCATION_MAX = 4_096  # characters
OPTION_MAX = 65_536  # characters: a query may be long
ARGUMENT, SECRET = "arg.", "secret."
"""What options of dlt begin with that its function gets; the latter refer to credentials."""

OptionText = Annotated[str, Meta(max_length=OPTION_MAX)]


class BadSource(ValueError):
    """A source that can't be; the message says what to write."""


class NamedOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Options of a source that lists names."""

    include: OptionText = ""
    """Names to take: shell patterns with commas between; empty for all."""
    exclude: OptionText = ""
    """Names to leave out, likewise."""


class FolderOptions(NamedOptions, frozen=True, forbid_unknown_fields=True):
    """Options of a folder."""


class BucketOptions(NamedOptions, frozen=True, forbid_unknown_fields=True):
    """Options of a bucket."""

    endpoint: Annotated[str, Meta(pattern=r"^(https?://[^\s/]\S*)?\Z")] = ""
    """Address of a server other than AWS."""
    region: Annotated[str, Meta(pattern=r"^[a-z0-9-]*\Z")] = ""
    """Region of the bucket."""
    access_key: OptionText = ""
    """Where the access key is: env:NAME or file:PATH. Without: as the machine is set up."""
    secret_key: OptionText = ""
    """Where the secret key is."""
    anonymous: bool = False
    """Whether to ask without a signature."""


class WebOptions(NamedOptions, frozen=True, forbid_unknown_fields=True):
    """Options of a site."""

    pages: Annotated[int, Meta(ge=1, le=1_000_000)] = 1_000
    """Pages that are visited at most."""
    depth: Annotated[int, Meta(ge=0, le=100)] = 5
    """Links from the start or from a page of a sitemap, at most."""
    delay_s: Annotated[float, Meta(ge=0, le=60)] = 1.0
    """Seconds between two requests, at least; the site may ask for more."""
    sitemap: OptionText = "auto"
    """auto, none, or the address of one."""


class RowOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Options of a source that gives rows."""

    key: Annotated[str, Meta(min_length=1, max_length=256)]
    """Column that names a document; it becomes part of the uri, so no personal data."""
    text: OptionText = ""
    """Columns of the text, with commas; empty for all columns with their names."""
    title: OptionText = ""
    """Column of the title."""
    metadata: OptionText = ""
    """Columns to filter by, with commas; no personal data."""
    media_type: Annotated[str, Meta(max_length=255)] = "text/markdown"
    """What the text is."""
    per: Literal["row", "group"] = "row"
    """Whether a document is a row, or all rows of one key."""
    cursor: OptionText = ""
    """Column that only grows with changes: only rows from its highest value on are read again."""


class SqlOptions(RowOptions, frozen=True, forbid_unknown_fields=True):
    """Options of a database."""

    table: Annotated[str, Meta(max_length=256)] = ""
    """Table, or schema.table; or else:"""
    query: OptionText = ""
    """One SELECT."""
    password: OptionText = ""
    """Where the password is: env:NAME or file:PATH."""


class DltOptions(RowOptions, frozen=True, forbid_unknown_fields=True):
    """Options of a dlt resource; arg.NAME=VALUE and secret.NAME=env:NAME go to its function."""


KINDS: dict[str, type[NamedOptions | RowOptions]] = {
    "folder": FolderOptions,
    "bucket": BucketOptions,
    "web": WebOptions,
    "sql": SqlOptions,
    "dlt": DltOptions,
}
prepared(*KINDS.values())
PASSWORDS = frozenset(
    {"password", "passwd", "pwd", "sslpassword", "token", "access_token", "secret", "api_key"}
    | {"apikey", "motherduck_token", "private_key_passphrase", "odbc_connect"}
)
"""Parameters of a database's address that hold credentials."""
REFERENCES = ("access_key", "secret_key", "password")
"""Options that refer to credentials."""
ADDRESSES = ("endpoint", "sitemap")
"""Options that are addresses."""
LOCATIONS = (
    "a folder, s3://BUCKET/PREFIX, https://HOST/PATH, the address of a database "
    "(postgresql+psycopg://USER@HOST/NAME, sqlite:///FILE, duckdb:///FILE), dlt:FILE.py#FUNCTION"
)


def kind_of(location: str) -> str:
    """Tell the kind of a source by where it is; raises BadSource."""
    if not location or len(location) > LOCATION_MAX:
        raise BadSource(f"a location has 1 to {LOCATION_MAX} characters: name {LOCATIONS}")
    scheme = location.partition(":")[0] if re.match(r"[A-Za-z][\w+.-]+:", location) else ""
    match scheme.lower():
        case "":
            return "folder"
        case "s3":
            return "bucket"
        case "http" | "https":
            return "web"
        case "dlt":
            return "dlt"
        case _ if "://" in location:
            return "sql"
    raise BadSource(f"{location[:100]!r} is no location: name {LOCATIONS}")


def checked_location(kind: str, location: str) -> str:
    """Spell a location as it is kept: paths absolute, and no credentials; raises BadSource."""
    if kind == "folder":
        return _readable_folder(location)
    if kind == "dlt":
        file, hash_, function = location.removeprefix("dlt:").partition("#")
        if not hash_ or not function.isidentifier() or not Path(file).is_file():
            raise BadSource("write dlt:FILE.py#FUNCTION, of a file that is there")
        return f"dlt:{Path(file).resolve()}#{function}"
    if _holds_credentials(kind, location):
        raise BadSource(
            "the location is kept for ever, so it must hold no credentials: leave them out, and "
            "say where they are with an option such as -o password=env:NAME"
        )
    parts = urlsplit(location)
    if kind == "bucket":
        if not parts.netloc:
            raise BadSource("write s3://BUCKET/PREFIX")
        return SCHEME + location[len(SCHEME) :]  # as those who read it look for it
    if kind == "web" and normal_address(location) is None:
        raise BadSource("write https://HOST/PATH")
    if kind == "sql" and parts.scheme != "duckdb":
        _check_database(location)
    if parts.scheme in {"sqlite", "duckdb"} and re.match(r"/[^/]", parts.path):
        absolute = Path(parts.path.removeprefix("/")).resolve()
        return urlunsplit((parts.scheme, "", "", parts.query, "")) + f"///{absolute}"
    return location


def _holds_credentials(kind: str, address: str) -> bool:
    """Say whether an address holds a password, or what can't be told from one."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:  # of a password with a slash in it, the first half stands for a port
        return "@" in address
    if parts.password is not None or (parts.username and kind != "sql"):
        return True
    if kind != "sql":
        return False
    names = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    return not names.isdisjoint(PASSWORDS) or _has_password(address)


def _has_password(address: str) -> bool:
    """Say whether the library that connects finds a password, as it reads addresses."""
    import sqlalchemy as sa
    from sqlalchemy.exc import ArgumentError

    try:
        return sa.make_url(address).password is not None
    except (ArgumentError, ValueError):
        return False  # it is no address, which is told by who checks that


def _check_database(location: str) -> None:
    import sqlalchemy as sa
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        sa.make_url(location).get_dialect()
    except NoSuchModuleError:
        raise BadSource(
            f"no database is known by {location.partition(':')[0]}: name {LOCATIONS}"
        ) from None
    except ArgumentError:
        raise BadSource("it is no address of a database: write SCHEME://USER@HOST/NAME") from None
    except ImportError:
        pass  # its driver is missing here; whoever follows the source is told


def _readable_folder(location: str) -> str:
    folder = Path(location).expanduser()
    if not folder.is_dir():
        raise BadSource(f"there is no folder {shown(folder)}: name {LOCATIONS}")
    text = str(folder.resolve())
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadSource(
            f"the name of {shown(folder)} is no UTF-8 and can't be kept: name a folder above it"
        ) from None
    return text


def checked_options(kind: str, given: Mapping[str, str]) -> NamedOptions | RowOptions:
    """Check the options of a kind; raises BadSource that names what is wrong."""
    own = _own(kind, given)
    for name, value in given.items():
        if len(value) > OPTION_MAX:
            raise BadSource(f"option {name} has more than {OPTION_MAX} characters")
        if value and (name in REFERENCES or name.startswith(SECRET)):
            try:
                check_reference(name, value)
            except BadReference as error:
                raise BadSource(str(error)) from None
    try:
        options = msgspec.convert(own, KINDS[kind], strict=False)
    except msgspec.ValidationError as error:
        raise BadSource(f"{_said(error)}; {kind} takes {', '.join(_names(kind))}") from None
    if isinstance(options, SqlOptions) and bool(options.table) == bool(options.query):
        raise BadSource("name a table or a query: -o table=NAME or -o query='SELECT …'")
    if isinstance(options, RowOptions):
        _check_rows(options)
    for name in ADDRESSES:
        if _holds_credentials("", getattr(options, name, "")):
            raise BadSource(f"option {name} is kept for ever, so it must hold no credentials")
    return options


def _own(kind: str, given: Mapping[str, str]) -> dict[str, str]:
    passed = (ARGUMENT, SECRET) if kind == "dlt" else ()
    return {name: value for name, value in given.items() if not name.startswith(tuple(passed))}


def _names(kind: str) -> list[str]:
    names = [field.name for field in msgspec.structs.fields(KINDS[kind])]
    return [*names, "arg.NAME", "secret.NAME"] if kind == "dlt" else names


def _said(error: msgspec.ValidationError) -> str:
    message, _, where = str(error).partition(" - at `$.")
    if where:
        return f"option {where.rstrip('`')}: {message}"
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", message, re.DOTALL):
        return f"there is no option {unknown[1][:100]}"
    if missing := re.fullmatch(r"Object missing required field `(.*)`", message):
        return f"option {missing[1]} is missing"
    return message


def _check_rows(options: RowOptions) -> None:
    if options.media_type not in MEDIA_TYPES:
        raise BadSource(f"media_type must be one of {', '.join(MEDIA_TYPES)}")
    if options.cursor and options.per == "group":
        raise BadSource(
            "a group can't be read in part, so a cursor needs per=row: leave one of them out"
        )
