"""Subjects of the registry: which record is registered under which name; and who answers."""

from __future__ import annotations

from schemas import TableRow
from schemas.registry import Registry
from streams.settings import Settings
from streams.topics import PREFIX, TOPICS, effect_records, topic_of


def subjects() -> dict[str, str]:
    """Return subject -> record name: Confluent's topic-name strategy, effects beside it."""
    records = {f"{topic.name}-value": topic.record.SCHEMA for topic in TOPICS}
    for record in effect_records():
        records[f"{PREFIX}.effect.{topic_of(record).removeprefix(f'{PREFIX}.')}"] = record.SCHEMA
    records[f"{PREFIX}.table-value"] = TableRow.SCHEMA
    return records


def open_registry(settings: Settings) -> Registry:
    """Return the registry of the settings, told of our subjects; nothing is asked yet."""
    registry = Registry(settings.registry)
    registry.expect(subjects())
    return registry
