"""The table of who answers what: true of every connector, cheap to read, and clear about a gap."""

import importlib
import subprocess
import sys
from itertools import combinations

import pytest

from connectors.who_answers import CONNECTORS, KEYRING, connectors_for
from schemas import CallTool, Detect, Embed, Generate, Now, Parse, Request, Seal, Search, Unseal
from streams.settings import Settings

HEAVY = {"lxml", "markdown_it", "numpy", "spacy", "tokenizers", "tritonclient", "weaviate"}


def load(path):
    module, name = path.split(":")
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("path", CONNECTORS)
async def test_a_connector_answers_what_its_row_says_and_nothing_else(path, tmp_path):
    connector = load(path)(Settings(run=tmp_path))
    try:
        answered = {*connector.handlers(), *connector.stream_handlers()}
    finally:
        await connector.close()
    assert answered == set(CONNECTORS[path])


def test_no_request_has_two_connectors():
    for one, other in combinations(CONNECTORS.values(), 2):
        assert set(one).isdisjoint(other)


@pytest.mark.parametrize(
    ("requests", "names"),
    [
        ((), ["Keyring"]),
        ((Seal, Unseal), ["Keyring"]),
        ((Embed,), ["Keyring", "Triton"]),
        ((Generate, Embed), ["Keyring", "Triton", "Providers"]),
        ((CallTool,), ["Keyring", "LatePresidio", "Tools"]),
        ((CallTool, Detect), ["Keyring", "Presidio", "Tools"]),
        ((Search, Detect, Parse), ["Keyring", "Documents", "Presidio", "Weaviate"]),
    ],
)
def test_those_are_made_that_answer_and_the_keyring(requests, names):
    assert [path.partition(":")[2] for path in connectors_for(requests)] == names


def test_a_request_that_none_answers_says_where_to_add_it():
    with pytest.raises(LookupError, match=r"answers Now: .*connectors/who_answers\.py.*`asks`"):
        connectors_for((Embed, Now))


def test_requests_and_the_keyring_are_what_the_table_holds():
    assert KEYRING in CONNECTORS
    assert all(issubclass(one, Request) for row in CONNECTORS.values() for one in row)


def test_reading_the_table_loads_no_library_of_a_connector():
    program = "import sys, connectors.who_answers; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert HEAVY.isdisjoint(loaded)
