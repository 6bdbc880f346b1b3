"""Configurations are found by digest, and what can't be used says why."""

import hashlib

import pytest
from msgspec.structs import replace

from replay.configurations import CONFIGURATION, Configurations
from replay.recorded import Divergence
from streams.log.configuration import Configuration
from tests.fakes import a_codec
from tests.memory_log import MemoryLog
from tests.replay.little_log import configuration_set, put


def entry(content):
    return Configuration("embed", hashlib.sha256(content.encode()).hexdigest(), content)


def a_log(*contents, **fields):
    """A log of configurations, each as set-up writes it but for the fields given."""
    log = MemoryLog()
    for content in contents:
        record = configuration_set(entry(content))
        put(log, replace(record, **fields), key=record.digest.encode())
    return log


def read(log):
    return Configurations(log, a_codec())


def test_a_configuration_is_found_by_its_digest():
    configurations = read(a_log('{"model": "m"}', "{}"))
    assert configurations.values(entry('{"model": "m"}').digest) == {"model": "m"}
    assert configurations.faults == []


def test_it_is_parsed_once():
    configurations = read(a_log("{}"))
    digest = entry("{}").digest
    assert configurations.values(digest) is configurations.values(digest)


@pytest.mark.parametrize(
    ("contents", "wanted", "says"),
    [
        ((), "{}", "configuration [0-9a-f]{12}… is not on playhead.configuration.set"),
        (("{",), "{", "is not JSON"),
        (("[]",), "[]", "is not a JSON object"),
        (("[" * 10**5,), "[" * 10**5, "is not JSON"),
    ],
)
def test_what_can_not_be_used_is_a_divergence_that_names_it(contents, wanted, says):
    with pytest.raises(Divergence, match=says):
        read(a_log(*contents)).values(entry(wanted).digest)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"content": "{ }"}, "its content is not that of its digest"),
        ({"digest": "d" * 64}, "its content is not that of its digest"),
        ({"step": "index"}, "its id is not that of its step and digest"),
    ],
)
def test_one_that_is_not_what_its_digest_says_is_none(fields, says):
    configurations = read(a_log("{}", **fields))
    [fault] = configurations.faults
    assert (fault.topic, fault.offset, fault.reason) == (CONFIGURATION, 0, says)
    with pytest.raises(Divergence, match="is not on"):
        configurations.values(entry("{}").digest)


@pytest.mark.parametrize(("value", "key"), [(b"no avro", b"k"), (None, b"k"), ("as it is", b"k")])
def test_bytes_that_are_no_configuration_are_told_and_the_others_count(value, key):
    log = a_log("{}")
    stored = log.topics[CONFIGURATION, 0][0]
    log.put(CONFIGURATION, stored.value if value == "as it is" else value, key=key)
    configurations = read(log)
    assert [fault.offset for fault in configurations.faults] == [1]
    assert configurations.values(entry("{}").digest) == {}
