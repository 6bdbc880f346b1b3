"""Fakes pass the contract tests of what they replace: each is listed here with the tests that hold it.

A contract test runs the same cases over the fake and over what it stands for: over a class of ours in the same test, over
a service on the running stack (marker `stack`). A fake that inherits from the real class, or from one that is held, adds
a fault or a note and needs no other: it is found by its bases. Nothing stands in a test that is not listed.
"""

import ast
import re
from collections import defaultdict

import pytest

from tests.house import ROOT, TESTS

PREFIXES = ("Fake", "Memory")
CLASS = re.compile(r"^ *class (\w+)", re.MULTILINE)

HELD = {
    "Fake": "edge/listening/test_log_contract.py",
    "FakeAdmin": "replay/importing/test_dropping.py",
    "FakeAioConsumer": "bench/transports/test_aiokafka_contract.py",
    "FakeAioProducer": "bench/transports/test_aiokafka_contract.py",
    "FakeAnsweringConnector": "test_fake_effects.py",
    "FakeAnswers": "bench/answers/test_asking.py",
    "FakeChain": "bench/test_ends.py",
    "FakeClock": "test_fake_clock.py",
    "FakeConnector": "test_fake_connectors.py",
    "FakeDetector": "agents/test_fake_services.py",
    "FakeEffects": "test_fake_effects.py",
    "FakeFactories": "worker/test_wiring.py",
    "FakeHosted": "worker/test_fake_step_app.py",
    "FakeGateway": "bench/flood/test_gateway_contract.py",
    "FakeHTTPServer": "connectors/providers/test_real_server.py",
    "FakeKeyring": "test_fake_connectors.py",
    "FakeKeys": "agents/test_fake_services.py",
    "FakeLink": "chaos/faults/test_link.py",
    "FakeListener": "streams/delivery/test_listener.py",
    "FakeLog": "edge/listening/test_log_contract.py",
    "FakeParser": "connectors/readers/test_html.py",
    "FakeProcessor": "streams/delivery/test_processor_contract.py",
    "FakeProgram": "bench/test_ends.py",
    "FakeRefusedPlace": "streams/delivery/test_group_client.py",
    "FakeRegistryProxy": "chaos/faults/test_fake_registry.py",
    "FakeRegistryServer": "schemas/test_registry_contract.py",
    "FakeRow": "agents/test_fake_services.py",
    "FakeS3": "connectors/sources/test_bucket.py",
    "FakeStepApp": "worker/test_fake_step_app.py",
    "FakeTriton": "connectors/test_contract.py",
    "FakeTritonServer": "infra/triton/test_server_contract.py",
    "FakeWeaviate": "connectors/test_contract.py",
    "MemoryBroker": "streams/delivery/test_group_client.py",
    "MemoryChoices": "streams/log/test_choices_contract.py",
    "MemoryGroup": "streams/delivery/test_group_client.py",
    "MemoryLog": "replay/test_log.py",
    "MemoryProducer": "streams/log/test_producer_client.py",
    "MemoryPublisher": "streams/delivery/test_publisher_contract.py",
    "MemoryRegistry": "schemas/test_registry_contract.py",
    "MemoryWeaviate": "connectors/weaviate/test_connector.py",
    "MemoryWriter": "streams/log/test_writing.py",
}
"""Fake -> the contract test that names it and runs over what it stands for, too."""

PARTS = {
    "FakeAnswer": ("FakeHTTPServer", "what a script answers a request by"),
    "FakeAioWord": ("FakeAioProducer", "what it returns of a record"),
    "FakeChainProducer": ("FakeChain", "its producer's side"),
    "FakeEncoder": ("an_embedder", "what the embedder's code encodes with"),
    "FakeError": ("an_embedder", "what the embedder's code refuses with"),
    "FakeRequest": ("an_embedder", "what the embedder's code is asked"),
    "FakeSender": ("an_embedder", "what the embedder's code answers with"),
    "FakeStream": ("FakeTritonServer", "what its script answers with"),
    "FakeTensor": ("an_embedder", "what the embedder's code reads and writes"),
    "MemoryAdmin": ("broker", "what its `admin()` returns"),
    "MemoryAioAdmin": ("broker", "what its `offsets()` ask"),
    "MemoryAioConsumer": ("broker", "what its `offsets()` ask"),
    "MemoryConsumer": ("broker", "what its `consumer()` returns"),
    "MemoryGroupClient": ("MemoryGroup", "what its `client()` returns"),
}
"""Fake that a contract test meets only behind another name -> that name, and what it is of it."""

PARTS_HELD = {
    "an_embedder": "infra/triton/test_server_contract.py",
    "broker": "streams/log/test_admin_client.py",
    **HELD,
}
"""`broker` is a fixture of streams/log: all tests there that are given it run over both brokers."""


def classes_in(file):
    """The classes of a file whose names say that they are fakes, with the names of their bases."""
    text = file.read_text()
    if not any(f"class {prefix}" in text for prefix in PREFIXES):  # most: a tree takes longest
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef) and node.name.startswith(PREFIXES):
            yield node.name, [ast.unparse(base).rpartition(".")[2] for base in node.bases]


def fakes_under(folder):
    """Name -> where it stands, each time with its bases."""
    found = defaultdict(list)
    for file in sorted(folder.rglob("*.py")):
        for name, bases in classes_in(file):
            found[name].append((file.relative_to(folder).as_posix(), bases))
    return dict(found)


def defined_in(root, packages):
    """The classes of the product."""
    files = [file for package in packages for file in (root / package).rglob("*.py")]
    return {name for file in files for name in CLASS.findall(file.read_text())}


def needs_no_other(bases, real, held):
    """Whether a fake inherits from the real thing, or from a fake that is held."""
    return any(base in real or base in held for base in bases)


FOUND = fakes_under(TESTS)
REAL = defined_in(
    ROOT, ["agents", "bench", "connectors", "edge", "evals", "replay", "streams", "worker"]
)
LISTED = {**HELD, **PARTS}


def unlisted(found, real, listed):
    """Fakes that nothing holds."""
    return sorted(
        name
        for name, places in found.items()
        if name not in listed
        and not all(needs_no_other(bases, real, listed) for _, bases in places)
    )


def test_each_fake_is_listed_with_what_holds_it_or_inherits_from_what_is_held():
    inheriting = {
        name for name, [(_, bases), *_] in FOUND.items() if needs_no_other(bases, REAL, LISTED)
    }
    assert unlisted(FOUND, REAL, {**LISTED, **dict.fromkeys(inheriting)}) == []


def test_what_is_listed_is_there():
    assert sorted(LISTED.keys() - FOUND.keys()) == []
    assert not HELD.keys() & PARTS.keys()
    assert {whole for whole, _ in PARTS.values()} <= PARTS_HELD.keys()


def test_of_each_fake_there_is_one():
    assert {
        name: [file for file, _ in places] for name, places in FOUND.items() if len(places) > 1
    } == {}


def read_test(file):
    """The tests of a file, and all names and attributes that stand in it."""
    nodes = list(ast.walk(ast.parse(file.read_text())))
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    names |= {node.name for node in nodes if isinstance(node, ast.ClassDef)}
    names |= {argument.arg for one in functions for argument in one.args.args}
    return [one.name for one in functions if one.name.startswith("test_")], names


@pytest.mark.parametrize("name", PARTS_HELD)
def test_a_contract_test_names_what_it_holds(name):
    tests, names = read_test(TESTS / PARTS_HELD[name])
    assert tests
    assert name in names


@pytest.mark.parametrize(
    ("source", "listed", "expected"),
    [
        ("class FakeNew: ...", {}, ["FakeNew"]),
        ("def f():\n    class FakeInner: ...", {}, ["FakeInner"]),
        ("class MemoryNew: ...", {"MemoryNew": ""}, []),
        ("class FakeFailing(Keyring): ...", {}, []),
        ("class FakeFailing(module.FakeHeld): ...", {"FakeHeld": ""}, []),
        ("class FakeFailing(FakeNew): ...", {}, ["FakeFailing"]),
        ("class InMemory: ...", {}, []),
    ],
)
def test_a_fake_that_nothing_holds_is_found(tmp_path, source, listed, expected):
    (tmp_path / "test_x.py").write_text(source)
    assert unlisted(fakes_under(tmp_path), {"Keyring"}, listed) == expected


def test_a_fake_that_stands_twice_is_found_in_both_places(tmp_path):
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("class FakeSame: ...")
    assert [file for file, _ in fakes_under(tmp_path)["FakeSame"]] == ["a.py", "b.py"]
