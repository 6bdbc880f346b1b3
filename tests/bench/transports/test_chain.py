"""What a contender is told."""

import json
from itertools import pairwise

import pytest

from bench.transports.chain import Chain


@pytest.mark.parametrize("topics", [("a", "b"), ("a", "b", "c")])
def test_a_chain_survives_the_command_line(topics):
    chain = Chain("kafka", "registry", "a run", "group", topics)
    assert Chain.parse(chain.argument()) == chain
    assert list(chain.hops) == list(pairwise(topics))


@pytest.mark.parametrize("argument", ["", "{}", '{"kafka": "k"}', '{"topics": []}'])
def test_what_is_no_chain_is_refused(argument):
    with pytest.raises((json.JSONDecodeError, KeyError, TypeError)):
        Chain.parse(argument)


def test_a_folder_may_have_any_name():
    chain = Chain("kafka", "registry", 'a "run", with ü', "group", ("a", "b"))
    assert Chain.parse(chain.argument()).run == 'a "run", with ü'
