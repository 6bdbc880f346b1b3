"""`playhead replay rebuild` on the running stack: a tenant's documents, into a generation of their own."""

import json
import uuid

import pytest


@pytest.mark.stack
def test_a_tenants_documents_are_rebuilt_compared_and_dropped(running, tmp_path):
    tenant = f"t-{uuid.uuid4().hex[:12]}"
    number = str(100 + uuid.uuid4().int % 900_000)  # the alias, and other generations, stay alone
    for name in ("one", "two"):
        (tmp_path / f"{name}.md").write_text(f"Lanes of {name} are partitions.\n")
    assert running.playhead("ingest", "--tenant", tenant, "--wait", str(tmp_path)).returncode == 0
    verb = ("replay", "rebuild")
    written, tries = 0, 0
    while written < 2 and tries < 10:  # inputs of others, under way before ours, are waited for
        built = running.playhead(
            *verb, "--tenant", tenant, "--into", number, "--rate", "0", "--json"
        )
        assert built.returncode == 0, built.stderr
        written, tries = written + json.loads(built.stdout)["records"], tries + 1
    assert written == 2
    compared = running.playhead(*verb, "compare", "--into", number, "--json")
    assert compared.returncode == 0, compared.stdout + compared.stderr
    told = json.loads(compared.stdout)["tenants"][tenant]
    assert told["digests"][0] == told["digests"][1]
    assert told["objects"][0] == told["objects"][1] > 0
    refused = running.playhead(*verb, "swap", "--into", number)
    assert refused.returncode == 1
    assert f"holds tenant {tenant} alone" in refused.stderr
    assert refused.stderr.count("\n") == 1
    dropped = running.playhead(*verb, "drop", number, "--json")
    assert json.loads(dropped.stdout) == {"dropped": int(number)}
