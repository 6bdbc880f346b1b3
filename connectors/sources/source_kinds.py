"""Kinds of sources: how each is opened, with its credentials."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from connectors.sources.bucket import BucketSource
from connectors.sources.findings import DocumentSource
from connectors.sources.folder import FolderSource
from connectors.sources.name_patterns import NamePatterns
from connectors.sources.resources import ResourceSource
from connectors.sources.secret_references import BadReference, resolved
from connectors.sources.source_options import ARGUMENT, SECRET, BadSource, checked_options
from connectors.sources.source_rows import RowShape
from connectors.sources.sql import SqlSource
from connectors.sources.web import CrawlBounds, WebSource
from streams.settings import Settings
from streams.storage_places import SCHEME


def opened(
    name: str,
    kind: str,
    location: str,
    given: Mapping[str, str],
    settings: Settings,
    *,
    full: bool = False,
) -> DocumentSource:
    """Open a source; raises BadSource, or SourceAway where that is known without asking anybody."""
    options = checked_options(kind, given)
    return _OPENERS[kind](name, location, options, given, settings, full)


def _folder(
    _name: str, location: str, options: Any, _given: Any, settings: Settings, _full: bool
) -> DocumentSource:
    patterns = NamePatterns(options.include, options.exclude)
    return FolderSource(Path(location), patterns, settings.document_bytes_max)


def _bucket(
    _name: str, location: str, options: Any, _given: Any, settings: Settings, _full: bool
) -> DocumentSource:
    bucket, _, prefix = location.removeprefix(SCHEME).partition("/")
    return BucketSource(
        bucket,
        prefix,
        NamePatterns(options.include, options.exclude),
        settings.document_bytes_max,
        endpoint=options.endpoint,
        region=options.region,
        access_key=_secret("access_key", options.access_key),
        secret_key=_secret("secret_key", options.secret_key),
        anonymous=options.anonymous,
    )


def _web(
    _name: str, location: str, options: Any, _given: Any, settings: Settings, _full: bool
) -> DocumentSource:
    bounds = CrawlBounds(options.pages, options.depth, options.delay_s, settings.document_bytes_max)
    patterns = NamePatterns(options.include, options.exclude)
    return WebSource(location, patterns, bounds, sitemap=options.sitemap)


def _sql(
    name: str, location: str, options: Any, _given: Any, settings: Settings, full: bool
) -> DocumentSource:
    return SqlSource(
        location,
        _shape("sql", name, options, settings),
        table=options.table,
        query=options.query,
        cursor=options.cursor,
        password=_secret("password", options.password),
        full=full,
    )


def _dlt(
    name: str, location: str, options: Any, given: Mapping[str, str], settings: Settings, full: bool
) -> DocumentSource:
    file, _, function = location.removeprefix("dlt:").partition("#")
    arguments = {
        one.removeprefix(ARGUMENT): value
        for one, value in given.items()
        if one.startswith(ARGUMENT)
    }
    secrets = {
        one.removeprefix(SECRET): _secret(one, value)
        for one, value in given.items()
        if one.startswith(SECRET)
    }
    return ResourceSource(
        Path(file),
        function,
        settings.sources_code,
        _shape("dlt", name, options, settings),
        arguments=arguments,
        secrets=secrets,
        cursor=options.cursor,
        full=full,
    )


_OPENERS: dict[str, Callable[[str, str, Any, Any, Settings, bool], DocumentSource]] = {
    "folder": _folder,
    "bucket": _bucket,
    "web": _web,
    "sql": _sql,
    "dlt": _dlt,
}


def _shape(kind: str, name: str, options: Any, settings: Settings) -> RowShape:
    return RowShape(
        base=f"{kind}:{name}/",
        key=options.key,
        text=_listed(options.text),
        title=options.title,
        metadata=_listed(options.metadata),
        media_type=options.media_type,
        grouped=options.per == "group",
        bytes_max=settings.document_bytes_max,
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in text.split(",") if one.strip())


def _secret(name: str, reference: str) -> str:
    if not reference:
        return ""
    try:
        return resolved(name, reference)
    except BadReference as error:
        raise BadSource(str(error)) from None
