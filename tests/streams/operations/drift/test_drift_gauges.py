"""Drift as Prometheus text, and the alert rules that are written against it."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import promql_parser
import pytest
import yaml
from click.testing import CliRunner

from streams.operations.drift.drift_cli import drift, table_of
from streams.operations.drift.drift_figures import TenantDrift, WindowFigures
from tests.conftest import PATIENCE_S

ROOT = Path(__file__).parents[4]
RULES = yaml.safe_load((ROOT / "infra/prometheus/alerts.yaml").read_text())
NOTHING = WindowFigures(0, None, None, None, None)
DRIFT = TenantDrift(
    "acme",
    WindowFigures(120, 0.25, 41.5, 0.8, 0.9),
    WindowFigures(900, 0.1, 40.0, 0.9, 0.95),
    {"languages": 0.3, "lengths": 0.01},
    0.2,
)
TELLS = """
from streams.operations.drift.drift_gauges import DriftGauges
from streams.settings import Settings
from streams.watching import metrics
from streams.watching.metrics import Counts, LaneState, exposition, observe
from tests.streams.operations.drift.test_drift_gauges import DRIFT, NOTHING, TenantDrift

metrics.configure(Settings(), "test")
gauges = DriftGauges()
gauges.tell([DRIFT, TenantDrift("new", NOTHING, NOTHING)])
Counts("redact").add("dead_letters", 0)
observe("redact", lambda: [LaneState("t", 0, 1, 0, 0, 1.0, False, 0)])
print(exposition()[0].decode())
"""


@pytest.fixture(scope="module")
def exposed():
    """What a process tells; one of its own, for the first to set metrics up wins."""
    done = subprocess.run(
        [sys.executable, "-c", TELLS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout


def value(text, name, **labels):
    for line in text.splitlines():
        if line.startswith(f"{name}{{") and all(f'{k}="{v}"' in line for k, v in labels.items()):
            return float(line.rsplit(" ", 1)[1])
    return None


def test_each_tenants_figures_are_told_by_window_and_feature(exposed):
    tenant = {"playhead_tenant": "acme"}
    unanswered = "playhead_drift_unanswered"
    assert value(exposed, unanswered, **tenant, playhead_window="current") == 0.25
    assert value(exposed, unanswered, **tenant, playhead_window="reference") == 0.1
    assert value(exposed, "playhead_drift_questions", **tenant, playhead_window="current") == 120
    assert value(exposed, "playhead_drift_psi", **tenant, playhead_feature="languages") == 0.3
    assert value(exposed, "playhead_drift_embedding_distance", **tenant) == 0.2


def test_of_what_there_is_nothing_to_say_nothing_is_said(exposed):
    of = {"playhead_tenant": "new"}
    assert value(exposed, "playhead_drift_questions", **of) == 0
    assert value(exposed, "playhead_drift_unanswered", **of) is None
    assert value(exposed, "playhead_drift_embedding_distance", **of) is None


# ---------------------------------------------------------------------- alert rules


def rules():
    return [rule for group in RULES["groups"] for rule in group["rules"]]


def selectors(expression):
    """Every metric that an expression reads, with what it asks of labels."""
    found = []

    def walk(node):
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        if isinstance(node, promql_parser.MatrixSelector):
            walk(node.vector_selector)
        for name in ("lhs", "rhs", "expr"):
            if (part := getattr(node, name, None)) is not None:
                walk(part)
        for part in getattr(node, "args", None) or ():
            walk(part)

    walk(promql_parser.parse(expression))
    return found


def test_the_file_is_as_prometheus_reads_it():
    assert set(RULES) == {"groups"}
    names = [group["name"] for group in RULES["groups"]]
    assert len(set(names)) == len(names)
    alerts = [rule["alert"] for rule in rules()]
    assert len(set(alerts)) == len(alerts)
    for group in RULES["groups"]:
        assert set(group) <= {"name", "interval", "limit", "rules"}
    for rule in rules():
        assert set(rule) <= {"alert", "expr", "for", "keep_firing_for", "labels", "annotations"}
        assert re.fullmatch(r"[A-Za-z_]\w*", rule["alert"])
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert re.fullmatch(r"(\d+[smhd])+", rule.get("for", "0s"))
        assert {"summary", "description"} == set(rule["annotations"])
        for text in rule["annotations"].values():
            assert text.count("{{") == text.count("}}")


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_expression_is_promql_over_what_is_told(rule, exposed):
    found = selectors(rule["expr"])
    assert found, "it reads something"
    for selector in found:
        told = [line for line in exposed.splitlines() if line.startswith(f"{selector.name}{{")]
        assert told, f"no process tells {selector.name}"
        for matcher in selector.matchers.matchers:
            assert any(f'{matcher.name}="' in line for line in told), matcher.name


def test_an_expression_that_is_none_is_found():
    with pytest.raises(ValueError, match=r"."):
        promql_parser.parse("playhead_drift_psi > > 1")


# ---------------------------------------------------------------------- for people


def test_the_table_shows_now_and_before():
    from rich.console import Console

    screen = Console(width=200, record=True)
    screen.print(table_of([DRIFT, TenantDrift("new", NOTHING, NOTHING)]))
    shown = screen.export_text()
    assert "120 (900)" in shown
    assert "0.250 (0.100)" in shown
    assert "languages 0.30" in shown
    assert "– (–)" in shown


def test_serving_tells_all_and_nothing_else():
    done = CliRunner().invoke(drift, ["--serve", "9464", "--json"])
    assert done.exit_code == 2
    assert "leave out the rest" in done.output


@pytest.mark.stack
def test_a_process_serves_what_it_reads(running):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running.client("drifting-on") as client:
        assert client.post("/v1/messages", json={"text": "What is the notice period?"}).is_success
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.cli", "drift", "--serve", str(port), "--every-s", "1",
         "--run", str(running.settings.run)],
        cwd=ROOT,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + PATIENCE_S
        while "playhead_drift_questions" not in _served(port):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        of = {"playhead_tenant": "drifting-on", "playhead_window": "current"}
        assert value(_served(port), "playhead_drift_questions", **of) >= 1
    finally:
        process.terminate()
        process.wait(10)


def _served(port):
    try:
        return httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    except httpx.TransportError:
        return ""
