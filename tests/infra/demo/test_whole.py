"""The demo on the real components: what it checks holds, and the page that it names answers."""

import json

import httpx
import pytest

from infra.demo.samples import TENANTS

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def done(running):
    return running.playhead("demo", "--json", "--stop")


@pytest.fixture(scope="module")
def facts(done):
    return json.loads(done.stdout)


def test_everything_held(done, facts):
    assert [check for check in facts["checks"] if not check["held"]] == []
    assert facts["held"]
    assert done.returncode == 0
    questions = sum(len(tenant.questions) for tenant in TENANTS)
    assert len(facts["checks"]) > questions + len(TENANTS)


def test_standard_output_is_one_document_and_the_rest_is_for_people(done):
    assert "A conversation with harbour" in done.stderr
    assert done.stdout.startswith("{")


def test_a_stack_that_ran_before_stays_whatever_is_wished(running, facts):
    assert facts["running"]
    assert running.playhead("status").returncode == 0
    page, _, key = facts["page"].partition("#key=")
    assert httpx.get(page, trust_env=False).status_code == 200
    asked = httpx.get(
        f"{page}v1/documents", headers={"Authorization": f"Bearer {key}"}, trust_env=False
    )
    assert asked.status_code == 200


def test_no_copy_of_the_log_is_left(running, facts):
    assert facts["held"]
    assert not (running.settings.run / "demo-archive").exists()
