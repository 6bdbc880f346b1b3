"""Whatever a record lacks that it may lack, each verb of replay says words about it, and no traceback."""

from __future__ import annotations

import copy
import dataclasses
from types import UnionType
from typing import Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from msgspec import structs

from infra.cli import main
from infra.cli import said as told
from replay.archive import ArchiveLog
from replay.export import export
from replay.past.retrieved_then import recorded_retrieval
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
            if rows := list(archive.records(*place)):
                self.topics[place] = rows

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


@pytest.fixture(scope="module")
def whole(archive):
    return RequestLog(archive.folder)


@pytest.fixture(scope="module")
def lacking_one(archive, whole):
    """Logs in each of which one record of a request lacks one part: what, and the log."""
    codec, logs = Codec(whole.ids), []
    for place, index in whole.of(archive.request):
        stored = whole.topics[place][index]
        for name, changed in lacking(decoded(codec, stored)):
            log, rows = copy.copy(whole), list(whole.topics[place])
            rows[index] = dataclasses.replace(stored, value=codec.encode(changed))
            log.topics = {**whole.topics, place: rows}
            logs.append((f"{place[0]} {name}", log))
    assert len(logs) > 40
    return logs


@pytest.fixture(scope="module")
def archives(lacking_one, unit_path_factory):
    """The same as archives."""
    folder = unit_path_factory.mktemp("lacking")
    for number, (_, log) in enumerate(lacking_one):
        export(log, folder / str(number))
    return [(name, folder / str(number)) for number, (name, _) in enumerate(lacking_one)]


@pytest.fixture
def said(archive, monkeypatch, capsys, tmp_path):
    """Ask about an archive on the command line; return the status, and what was said of errors."""
    rules = tmp_path / "rules.cedar"
    rules.write_text('@id("none") forbid(principal, action == Action::"read", resource);')
    names = {"REQUEST": archive.request, "RULES": str(rules)}
    monkeypatch.setenv("PLAYHEAD_RUN", str(archive.settings.run))

    def say(folder, words):
        with pytest.raises(SystemExit) as ended:
            main([*(names.get(word, word) for word in words), "--archive", str(folder)])
        return ended.value.code, capsys.readouterr().err

    return say


CHANGED = ("--set", "generate.passage_tokens=99", "--max-calls", "0")
VERBS = {
    "timeline": (("replay", "timeline", "REQUEST"), 0),
    "timeline as JSON": (("replay", "timeline", "REQUEST", "--json"), 0),
    "routes": (("routes", "explain", "REQUEST"), 0),
    "routes as JSON": (("routes", "explain", "REQUEST", "--json"), 0),
    "policy": (("policy", "explain", "REQUEST"), 0),
    "policy on requests": (("policy", "check", "RULES", "--against", "requests"), 0),
    "run": (("replay", "run", "--request", "REQUEST", "--max-calls", "0"), 3),
    "what if": (("replay", "what-if", "--request", "REQUEST", *CHANGED), 3),
    "verify": (("replay", "verify", "--request", "REQUEST", "--jobs", "1"), 0),
    "debug": (("replay", "debug", "REQUEST", "--step", "retrieve", "--go-on"), 0),
}


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_reads_a_whole_record(archive, said, verb):
    """Else what follows would show that a verb refuses everything."""
    words, status = VERBS[verb]
    assert said(archive.folder, words)[0] == status


@pytest.mark.slow
@pytest.mark.parametrize("verb", VERBS)
def test_whatever_is_missing_is_told_in_words(archives, said, verb):
    for name, folder in archives:
        code, err = said(folder, VERBS[verb][0])
        assert UNFORESEEN not in err, (name, err)
        assert code in range(4), (name, err)


def test_a_search_of_before_is_found_or_it_is_said_why_not(archive, whole, lacking_one):
    """`playhead replay as-of` reads the broker's log alone."""
    found = recorded_retrieval(whole, Codec(whole.ids), archive.request)
    assert found.position >= 0
    untold = []
    for name, log in lacking_one:
        try:
            recorded_retrieval(log, Codec(log.ids), archive.request)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is to be said
            if UNFORESEEN in told(error):
                untold.append((name, error))
    assert untold == []
