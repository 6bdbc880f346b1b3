"""Configurations are found by digest, and what can't be used says why."""

import pytest

from replay.configurations import CONFIGURATION, Configurations
from replay.recorded import Divergence
from schemas import ConfigurationSet
from tests.fakes import a_codec, a_meta
from tests.memory_log import MemoryLog


def a_log(*contents):
    log = MemoryLog()
    for content in contents:
        entry = ConfigurationSet(meta=a_meta(), step="embed", digest="d" * 64, content=content)
        log.put(CONFIGURATION, a_codec().encode(entry))
    return log


def values(log, digest="d" * 64):
    return Configurations(log, a_codec()).values(digest)


def test_a_configuration_is_found_by_its_digest():
    assert values(a_log('{"model": "m"}')) == {"model": "m"}


def test_of_two_under_one_digest_the_last_counts():
    assert values(a_log("{}", '{"model": "m"}')) == {"model": "m"}


def test_it_is_parsed_once():
    configurations = Configurations(a_log("{}"), a_codec())
    assert configurations.values("d" * 64) is configurations.values("d" * 64)


@pytest.mark.parametrize(
    ("contents", "says"),
    [
        ((), "configuration dddddddddddd… is not on playhead.configuration.set"),
        (("{",), "configuration dddddddddddd… is not JSON"),
        (("[]",), "configuration dddddddddddd… is not a JSON object"),
        (("{}", "{"), "is not JSON"),
    ],
)
def test_what_can_not_be_used_is_a_divergence_that_names_it(contents, says):
    with pytest.raises(Divergence, match=says):
        values(a_log(*contents))


@pytest.mark.parametrize("value", [b"no avro", None])
def test_bytes_that_are_no_configuration_are_passed_over(value):
    log = a_log("{}")
    log.put(CONFIGURATION, value)
    assert values(log) == {}
