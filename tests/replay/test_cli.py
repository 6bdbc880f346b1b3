"""`playhead replay` on the command line, over an archive of the product's own steps."""

import json
import shutil

import pytest

from infra.cli import VERBS, main
from replay.export import rewrite
from schemas import QueryRewritten
from streams.topics import topic_of

REWRITTEN = topic_of(QueryRewritten)


@pytest.fixture
def playhead(archive, monkeypatch, capsys):
    """Run `playhead replay …`, and return the exit status, stdout and stderr."""

    def run(*arguments, **env):
        monkeypatch.setenv("PLAYHEAD_RUN", str(archive.settings.run))
        monkeypatch.setenv("PLAYHEAD_KAFKA", "127.0.0.1:1")
        monkeypatch.setenv("PLAYHEAD_REGISTRY", "http://127.0.0.1:1")
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main(["replay", *map(str, arguments)])
        return ended.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def copy(archive, tmp_path):
    return shutil.copytree(archive.folder, tmp_path / "copy")


def forge(folder):
    """Change one byte in a record of the first lane that has a rewritten query."""
    lane = min(path.parent.name for path in (folder / REWRITTEN).glob("*/*.avro"))

    def edit(stored):
        value = bytearray(stored.value)
        value[-1] ^= 1
        return type(stored)(**{**fields(stored), "value": bytes(value)})

    assert rewrite(folder, REWRITTEN, int(lane), edit) > 0


def fields(stored):
    return {name: getattr(stored, name) for name in stored.__slots__}


def test_the_verbs_are_on_the_command_line():
    assert VERBS["replay"].place == "replay.cli:replay"


def test_an_archive_is_verified_without_a_broker(playhead, archive):
    code, out, err = playhead("verify", "--archive", archive.folder, "--json")
    report = json.loads(out)
    assert (code, err) == (0, "")
    assert report["records"] == report["equal"] > 0
    assert set(report) >= {
        "records",
        "equal",
        "diverged",
        "erased",
        "superseded",
        "pending",
        "model_calls",
        "seconds",
    }


def test_people_read_a_verdict(playhead, archive):
    code, out, _ = playhead("verify", "--archive", archive.folder)
    assert code == 0
    assert out.startswith("every record is equal:")


def test_a_forged_record_is_1_and_named(playhead, copy):
    forge(copy)
    code, out, _ = playhead("verify", "--archive", copy, "--json")
    assert code == 1
    entries = json.loads(out)["diverged"]
    assert all(
        set(entry) == {"topic", "partition", "offset", "id", "step", "reason"} for entry in entries
    )
    assert REWRITTEN in {entry["topic"] for entry in entries}
    code, out, _ = playhead("verify", "--archive", copy)
    assert code == 1
    assert out.startswith("DIVERGED")


def test_one_tenant_or_request_is_fewer_records(playhead, archive):
    _, out, _ = playhead("verify", "--archive", archive.folder, "--json")
    every = json.loads(out)["records"]
    for option, value in (("--tenant", "acme"), ("--request", archive.request)):
        code, out, _ = playhead("verify", "--archive", archive.folder, "--json", option, value)
        assert code == 0
        assert 0 < json.loads(out)["equal"] < every


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("verify", "--archive", "/no/such/folder"), "does not exist"),
        (("verify", "--since", "yesterday"), "is no time"),
        (("verify", "--jobs", "0"), "0 is not in the range"),
        (("verify", "--no-such-option"), "No such option"),
        (("timeline",), "Missing argument"),
        (("export",), "Missing argument"),
    ],
)
def test_wrong_usage_is_2(playhead, arguments, says):
    code, out, err = playhead(*arguments)
    assert (code, out) == (2, "")
    assert says in err


@pytest.mark.parametrize(
    ("arguments", "env", "says"),
    [
        (("verify", "--archive", "{copy}/playhead.query.rewritten"), {}, "has no manifest.json"),
        (("verify", "--archive", "{copy}"), {"PLAYHEAD_KEYRING": "/no/store"}, "no key store at"),
        # it asks for eight seconds before it says so: a broker may be starting
        pytest.param(("verify",), {}, "is the stack up?", marks=pytest.mark.slow),
        (("timeline", "nobody", "--archive", "{copy}"), {}, "no record of request nobody"),
    ],
)
def test_what_is_wrong_is_1_and_one_line(playhead, copy, arguments, env, says):
    code, out, err = playhead(*(word.format(copy=copy) for word in arguments), **env)
    assert (code, out) == (1, "")
    [line] = err.splitlines()
    assert says in line


def test_a_request_is_followed_from_the_edge_to_its_last_record(playhead, archive):
    code, out, _ = playhead("timeline", archive.request, "--archive", archive.folder, "--json")
    told = json.loads(out)
    assert (code, told["request_id"]) == (0, archive.request)
    steps = [run["step"] for run in told["steps"]]
    assert steps[:2] == ["gateway", "redact"]
    assert steps[-1] == "moderate"
    code, out, _ = playhead("timeline", archive.request, "--archive", archive.folder)
    assert code == 0
    assert "retrieve" in out


def test_a_log_of_two_releases_ago_is_refused_by_its_format(playhead, copy):
    manifest = copy / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 0'))
    code, _, err = playhead("verify", "--archive", copy)
    assert code == 1
    assert "format 0, this release reads 1" in err
