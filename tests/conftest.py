"""The running stack for tests marked `stack`: every real component, started once a session."""

from __future__ import annotations

import gc
import gzip
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import psutil
import pytest
from click.testing import CliRunner
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from infra.local.network import without_proxy
from streams.settings import Settings
from tests.folders_in_memory import MEMORY, has_room, prefix
from tests.secured_broker import SecuredBroker, a_secured_broker
from tests.verb_server import VerbServer

os.environ.update(without_proxy(os.environ))  # for the clients that run in this process
os.environ.pop("COLUMNS", None)  # workers of pytest-xdist get one: what is printed is broken by it

ROOT = Path(__file__).parents[1]
CHAOS = ROOT / "tests" / "chaos"

# how long an example takes says more about the machine than about the code; what is drawn is drawn
# again each time, so that a run that fails can be repeated
hypothesis.settings.register_profile("ci", deadline=None, max_examples=40, derandomize=True)
# a search for new examples, for a night: HYPOTHESIS_PROFILE=thorough
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=2_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
MARKERS = ("unit", "slow", "stack")
"""Kinds of tests, the quickest first."""
PATIENCE_S = 120.0  # for one document or answer, on two busy cores
VERB_S = 240.0  # for a verb


ID_MAX = 60
"""Characters of a text that a test is named by."""
ON_STACK = "on the running stack"
"""What shares the stack of one process, one after the other, where several run tests."""
OWN_PARTS = "parts of its own"
"""What starts brokers, services and whole stacks of its own: one after the other, beside the above."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what is quick first: its failures come within seconds.

    Where several processes run tests (`make test`: -n 2), those of a file stay together, and what
    needs the machine comes last.
    """
    items.sort(
        key=lambda item: (
            needs_machine(item),
            needs_machine(item) and group_of(item) == OWN_PARTS,  # the shorter of the two
            MARKERS.index(marker_of(item.keywords)),
        )
    )
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))


def group_of(item: pytest.Item) -> str:
    """Name what a test runs together with in one process."""
    if not needs_machine(item):
        return f"{marker_of(item.keywords)} {item.path}"
    return ON_STACK if "running" in getattr(item, "fixturenames", ()) else OWN_PARTS


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes and long texts by their argument: two processes that run tests must call them the same.

    A value that is made at import, a token or a zip file of this second, is another in each.
    """
    unlike = isinstance(val, bytes) or (isinstance(val, str) and len(val) > ID_MAX)
    return argname if unlike else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Draw the same for a test whenever it runs, by its name.

    Pauses are spread by chance, and so is the order of some tests' input: what fails at one draw in
    fifty fails always or never, not in a run that nobody can repeat.
    """
    random.seed(drawn_by(item))


def drawn_by(item: pytest.Item) -> str:
    """Return the seed of a test: not its node id, to which pytest-xdist adds a group."""
    return f"{item.path.name} {item.name}"


def needs_machine(item: pytest.Item) -> bool:
    """Whether a test starts so much that it waits until what is quick has run."""
    marker = marker_of(item.keywords)
    return marker == "stack" or (marker == "slow" and CHAOS in item.path.parents)


class UnitFolders:
    """Makes folders in memory for the tests of this process, as pytest.TempPathFactory does on the disk.

    What a run that was killed has left there goes when the next one begins.
    """

    def __init__(self, memory: Path = MEMORY) -> None:
        for left in memory.glob("playhead-tests-*"):
            if not psutil.pid_exists(int(left.name.split("-")[2])):
                shutil.rmtree(left, ignore_errors=True)
        self._place = Path(tempfile.mkdtemp(prefix=prefix(), dir=memory))

    def getbasetemp(self) -> Path:
        """Return the folder of all of them."""
        return self._place

    def mktemp(self, basename: str) -> Path:
        """Make another folder."""
        return Path(tempfile.mkdtemp(prefix=f"{basename}-", dir=self._place))

    def close(self) -> None:
        """Remove them all."""
        shutil.rmtree(self._place, ignore_errors=True)


@pytest.fixture(scope="session")
def unit_path_factory(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[UnitFolders | pytest.TempPathFactory]:
    """Make folders for units, in memory where their files are few.

    A store that survives a power cut waits for the disk at each commit, as do hundreds of tests that
    cut no power: half of the time of those of the gateway. Whoever names --basetemp looks for files
    there after the test, so they stand there.
    """
    if request.config.option.basetemp or not has_room(MEMORY):
        yield tmp_path_factory
        return
    folders = UnitFolders()
    yield folders
    folders.close()


@pytest.fixture
def tmp_path(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    unit_path_factory: UnitFolders | pytest.TempPathFactory,
) -> Iterator[Path]:
    """Give a folder of the test's own: on the disk where it is of a stack, which writes much."""
    factory = tmp_path_factory if needs_machine(request.node) else unit_path_factory
    folder = factory.mktemp(re.sub(r"\W", "_", request.node.name)[:30])
    yield folder
    if factory is not tmp_path_factory:
        shutil.rmtree(folder, ignore_errors=True)


def pytest_collection_finish() -> None:
    """Have the garbage collector leave alone what is loaded by now.

    That is a million objects of libraries, modules and tests, nearly none of them garbage: to walk
    over them again and again took a tenth of the time.
    """
    gc.enable()
    gc.collect()
    gc.freeze()


def marker_of(keywords: Collection[str]) -> str:
    """Name the kind of a test by its markers: one that has none is a unit's."""
    return next((name for name in ("stack", "slow") if name in keywords), "unit")


class MarkerTimes:
    """Counts tests by kind, and the seconds from the first one's beginning to the last one's end."""

    def __init__(self) -> None:
        self.tests: Counter[str] = Counter()
        self.began_s: dict[str, float] = {}
        self.ended_s: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note one phase of a test, with its fixtures."""
        marker = marker_of(report.keywords)
        self.began_s[marker] = min(report.start, self.began_s.get(marker, report.start))
        self.ended_s[marker] = max(report.stop, self.ended_s.get(marker, report.stop))
        self.tests[marker] += report.when == "teardown"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say it before pytest's own last line."""
        for marker in MARKERS:
            if tests := self.tests[marker]:
                seconds = self.ended_s[marker] - self.began_s[marker]
                said = f"{marker}: {tests:,} tests, {seconds:,.0f} s"
                terminalreporter.write_line(said)


def pytest_configure(config: pytest.Config) -> None:
    """Print the time of each marker at the end of a run, and let Ctrl-C be sent to children."""
    if (
        signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    ):  # as behind an & of a shell; they inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.pluginmanager.register(MarkerTimes())
    gc.disable()  # until all is collected


@dataclass
class Running:
    """A running stack, as a user of its HTTP interface and its command line sees it."""

    stack: Any
    settings: Settings
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    verbs: VerbServer = field(default_factory=VerbServer)

    def playhead(
        self, *arguments: str, env: dict[str, str] | None = None, root: Path = ROOT
    ) -> Any:
        """Run a verb of the command line against this stack."""
        environment = {
            **os.environ,
            "PLAYHEAD_RUN": str(self.settings.run),
            "PYTHONPATH": str(root),
            **(env or {}),
        }
        if root == ROOT:
            return self.verbs.run(arguments, environment, VERB_S)
        return subprocess.run(
            [sys.executable, "-m", "infra.cli", *arguments],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=VERB_S,
            check=False,
        )

    def key(self, tenant: str, *options: str) -> str:
        """Return an API key of a tenant, made at the first call: here, for a process takes seconds."""
        from edge.cli.keys import keys

        known = self.keys.get((tenant, " ".join(options)))
        if known is None:
            wanted = ["create", "--tenant", tenant, *options, "--json"]
            done = CliRunner().invoke(keys, [*wanted, "--run", str(self.settings.run)])
            assert done.exit_code == 0, done.output
            known = self.keys[tenant, " ".join(options)] = json.loads(done.stdout)["key"]
        return known

    def client(self, tenant: str, *options: str) -> httpx.Client:
        """Open an HTTP client that speaks for a tenant."""
        return httpx.Client(
            base_url=self.settings.gateway,
            headers={"Authorization": f"Bearer {self.key(tenant, *options)}"},
            timeout=PATIENCE_S,
            trust_env=False,
        )

    def submit(self, tenant: str, text: str, **fields: Any) -> dict[str, Any]:
        """Submit a document and wait for its end: indexed or failed."""
        body = {
            "uri": f"test/{uuid.uuid4()}",
            "media_type": "text/markdown",
            "content": text,
            **fields,
        }
        if "content_base64" in fields:
            del body["content"]
        with self.client(tenant) as client:
            accepted = client.post("/v1/documents", json=body)
            assert accepted.status_code == 202, accepted.text
            return self.await_document(tenant, accepted.json()["document_id"])

    def await_document(self, tenant: str, document: str) -> dict[str, Any]:
        """Wait until a document is indexed, failed or deleted."""
        deadline = time.monotonic() + PATIENCE_S
        with self.client(tenant) as client:
            while True:
                state: dict[str, Any] = client.get(f"/v1/documents/{document}").json()
                if state.get("status") in {"indexed", "failed", "deleted"}:
                    return state
                assert time.monotonic() < deadline, f"{document} is still {state}"
                time.sleep(0.1)

    def ask(self, tenant: str, text: str, **fields: Any) -> dict[str, Any]:
        """Ask a question and return the whole answer."""
        with self.client(tenant) as client:
            answer = client.post("/v1/messages", json={"text": text, **fields})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def search(self, tenant: str, text: str, **fields: Any) -> list[dict[str, Any]]:
        """Search and return the passages."""
        with self.client(tenant) as client:
            answer = client.post("/v1/search", json={"text": text, **fields})
        assert answer.status_code == 200, answer.text
        return answer.json()["passages"]


class SpanCollector:
    """An OTLP/HTTP endpoint that keeps what it is sent."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                if self.path == "/v1/traces":  # metrics come here too
                    request = ExportTraceServiceRequest.FromString(body)
                    for resource in request.resource_spans:
                        for scope in resource.scope_spans:
                            collector.spans.extend(scope.spans)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def of_trace(self, trace_id: str) -> list[Any]:
        """Return the spans of a trace (32 hex digits)."""
        return [span for span in self.spans if span.trace_id.hex() == trace_id]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="session")
def collector() -> Iterator[SpanCollector]:
    """Listen for the spans of the running stack."""
    collector = SpanCollector()
    yield collector
    collector.close()


@pytest.fixture(scope="session")
def running(
    tmp_path_factory: pytest.TempPathFactory, collector: SpanCollector
) -> Iterator[Running]:
    """Start the whole stack on free ports, once.

    PLAYHEAD_TEST_RUN names the run folder of a stack that is up already: quicker while developing, but
    tests that stop a component are skipped, and traces are not collected.
    """
    from infra.local.supervisor import Stack, Wish

    if up := os.environ.get("PLAYHEAD_TEST_RUN"):
        started = Running(None, Settings.load(environment={}, run=up))
        yield started
        started.verbs.close()
        return
    run = tmp_path_factory.mktemp("stack")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PLAYHEAD_")]:
            patch.delenv(name)
        patch.setenv("PLAYHEAD_OTLP_ENDPOINT", collector.endpoint)
        with Stack(
            run, Wish(free_ports=True), say=lambda line: sys.stderr.write(f"{line}\n")
        ) as stack:
            started = Running(stack, Settings.load(environment={}, run=run))
            yield started
            started.verbs.close()


@pytest.fixture(scope="session")
def secured_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    """A broker that lets nobody in without TLS and a name."""
    with a_secured_broker(tmp_path_factory.mktemp("secured") / "broker") as broker:
        yield broker
