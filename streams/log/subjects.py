"""Subjects of the registry: which record is registered under which name; and who answers."""

from __future__ import annotations

from functools import partial

from schemas import TableRow
from schemas.registry import Registry
from streams.log.credential_files import secret_of, tls_fault, tls_files
from streams.settings import Settings
from streams.topics import PREFIX, TOPICS, effect_records, topic_of
from streams.variables import variable


def subjects() -> dict[str, str]:
    """Return subject -> record name: Confluent's topic-name strategy, effects beside it."""
    records = {f"{topic.name}-value": topic.record.SCHEMA for topic in TOPICS}
    for record in effect_records():
        records[f"{PREFIX}.effect.{topic_of(record).removeprefix(f'{PREFIX}.')}"] = record.SCHEMA
    records[f"{PREFIX}.table-value"] = TableRow.SCHEMA
    return records


def open_registry(settings: Settings) -> Registry:
    """Return the registry of the settings, told of our subjects; nothing is asked yet."""
    registry = new_registry(settings)
    registry.expect(subjects())
    return registry


def new_registry(settings: Settings) -> Registry:
    """Make the client of the registry; raises BadSetting for files that can't be used."""
    files = tls_files(settings, "registry")
    names = ("ssl.ca.location", "ssl.certificate.location", "ssl.key.location")
    access = {name: path for name, path in zip(names, files, strict=True) if path}
    if settings.registry_user:
        password = secret_of(settings, "registry_password_file")
        access["basic.auth.user.info"] = f"{settings.registry_user}:{password}"
    return Registry(settings.registry, access=access, fault=partial(_fault, settings))


def _fault(settings: Settings, words: str) -> str:
    """Say what an error of the registry's client means, where it is about TLS."""
    at = f"the schema registry at {settings.registry}"
    if "disconnected" in words.lower():  # so ends who asks for more than it is given
        if settings.registry.startswith("https://"):
            return (
                f"{at} closes the connection: if it asks for a certificate, set "
                f"{variable('registry_certificate')}"
            )
        return (
            f"{at} closes the connection: if it speaks TLS, {variable('registry')} begins https://"
        )
    return tls_fault(words, "registry", at)
