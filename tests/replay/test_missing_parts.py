"""Whatever a record lacks that it may lack, each verb of replay says words about it, and no traceback."""

from __future__ import annotations

import copy
import dataclasses
from types import UnionType
from typing import Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from msgspec import structs

import replay.cli
import replay.opening_logs
import replay.policies.policy_cli
import replay.routes_cli
import replay.timeline_cli
from infra.cli import main
from replay.archive import ArchiveLog
from replay.past import as_of_cli
from schemas import Event
from streams.log.codec import Codec, Undecodable
from tests.memory_log import MemoryLog

UNFORESEEN = "PLAYHEAD_LOG_LEVEL=debug shows where"
"""What the command line says of an error that nobody foresaw."""


class RequestLog(MemoryLog):
    """All of an archive in memory, to change a record of."""

    def __init__(self, folder):
        super().__init__()
        archive = ArchiveLog(folder)
        self.ids, self.steps = archive.ids, archive._committed
        for place in archive.extents():
            self.topics[place] = list(archive.records(*place))

    def committed(self, name):
        return self.steps.get(name, {})

    def of(self, request):
        """Return the places of a request's records: partition, and index in it."""
        codec, found = Codec(self.ids), []
        for place, rows in sorted(self.topics.items()):
            for index, stored in enumerate(rows):
                event = decoded(codec, stored)
                if isinstance(event, Event) and event.meta.request == request:
                    found.append((place, index))
        return found


def decoded(codec, stored):
    try:
        return codec.decode_any(stored.value)
    except Undecodable:
        return None


def lacking(record, depth=2):
    """Yield a record without each of what it may lack, and without parts of its parts."""
    hints = get_type_hints(type(record))
    for field in structs.fields(record):
        value, kind = getattr(record, field.name), hints[field.name]
        if not value:
            continue
        if isinstance(value, tuple | list | dict):
            yield field.name, structs.replace(record, **{field.name: type(value)()})
            if isinstance(value, tuple) and len(value) > 1:
                for part in (value[1:], value[:-1]):
                    yield f"some of {field.name}", structs.replace(record, **{field.name: part})
            if isinstance(value, tuple) and depth and isinstance(value[0], msgspec.Struct):
                for name, part in lacking(value[0], depth - 1):
                    changed = (part, *value[1:])
                    yield (
                        f"{field.name}[0].{name}",
                        structs.replace(record, **{field.name: changed}),
                    )
        elif get_origin(kind) in (Union, UnionType) and type(None) in get_args(kind):
            yield field.name, structs.replace(record, **{field.name: None})
        if isinstance(value, msgspec.Struct) and depth:
            for name, part in lacking(value, depth - 1):
                yield f"{field.name}.{name}", structs.replace(record, **{field.name: part})


@pytest.fixture
def whole(archive):
    return RequestLog(archive.folder)


@pytest.fixture
def said(archive, monkeypatch, capsys, tmp_path):
    """Say something to the command line about a log in memory; return its status, and what it said of errors."""

    rules = tmp_path / "rules.cedar"
    rules.write_text('@id("none") forbid(principal, action == Action::"read", resource);')
    names = {"REQUEST": archive.request, "RULES": str(rules)}

    def say(log, words):
        for module in READING:
            monkeypatch.setattr(module, "open_log", lambda *_: log)
        monkeypatch.setattr(as_of_cli, "BrokerLog", lambda *_: log)
        with pytest.raises(SystemExit) as ended:
            main([names.get(word, word) for word in words])
        return ended.value.code, capsys.readouterr().err

    def searched(*_):
        raise LookupError("the index is asked")

    monkeypatch.setattr(as_of_cli, "_found", searched)
    monkeypatch.setenv("PLAYHEAD_RUN", str(archive.settings.run))
    return say


READING = (
    replay.cli,
    replay.opening_logs,
    replay.policies.policy_cli,
    replay.routes_cli,
    replay.timeline_cli,
)
CHANGED = ("--set", "generate.passage_tokens=99", "--max-calls", "0")
VERBS = {
    "timeline": (("replay", "timeline", "REQUEST"), 0),
    "timeline as JSON": (("replay", "timeline", "REQUEST", "--json"), 0),
    "routes": (("routes", "explain", "REQUEST"), 0),
    "routes as JSON": (("routes", "explain", "REQUEST", "--json"), 0),
    "policy": (("policy", "explain", "REQUEST"), 0),
    "policy on requests": (("policy", "check", "RULES", "--against", "requests"), 0),
    "as of": (("replay", "as-of", "--request", "REQUEST"), 1),
    "run": (("replay", "run", "--request", "REQUEST", "--max-calls", "0"), 3),
    "what if": (("replay", "what-if", "--request", "REQUEST", *CHANGED), 3),
    "verify": (("replay", "verify", "--request", "REQUEST", "--jobs", "1"), 0),
    "debug": (("replay", "debug", "REQUEST", "--step", "retrieve", "--go-on"), 0),
}


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_reads_a_whole_record(said, whole, verb):
    """Else what follows would show that a verb refuses everything."""
    words, status = VERBS[verb]
    assert said(whole, words)[0] == status


@pytest.mark.parametrize("verb", VERBS)
def test_whatever_is_missing_is_told_in_words(archive, said, whole, verb):
    codec, untold, count = Codec(whole.ids), [], 0
    for place, index in whole.of(archive.request):
        stored = whole.topics[place][index]
        for name, changed in lacking(decoded(codec, stored)):
            log = copy.copy(whole)
            rows = list(whole.topics[place])
            rows[index] = dataclasses.replace(stored, value=codec.encode(changed))
            log.topics = {**whole.topics, place: rows}
            code, err = said(log, VERBS[verb][0])
            count += 1
            if UNFORESEEN in err or "Traceback" in err or code not in range(4):
                untold.append((place[0], name, err))
    assert not untold
    assert count > 40
