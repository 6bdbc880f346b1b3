"""`playhead replay` on the command line, over an archive of the product's own steps."""

import json
import shutil
from datetime import UTC, datetime

import pytest

from infra.cli import VERBS, main
from replay.archive import ArchiveLog
from replay.export import rewrite
from schemas import QueryRewritten
from streams.log.codec import Codec
from streams.topics import topic_of
from tests.replay.bucket_archives import PLACE, PREFIX, a_server, emptied, files_in

REWRITTEN = topic_of(QueryRewritten)


@pytest.fixture
def playhead(archive, monkeypatch, capsys):
    """Run `playhead replay …`, and return the exit status, stdout and stderr."""

    def run(*arguments, **env):
        monkeypatch.setenv("PLAYHEAD_RUN", str(archive.settings.run))
        monkeypatch.setenv("PLAYHEAD_TOKENIZER", archive.settings.tokenizer)
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
    assert VERBS["replay"].place == "infra.replay_verbs:replay"


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
        (("timeline", "nobody", "--archive", "{copy}"), {}, "no record of nobody"),
    ],
)
def test_what_is_wrong_is_1_and_one_line(playhead, copy, arguments, env, says):
    code, out, err = playhead(*(word.format(copy=copy) for word in arguments), **env)
    assert (code, out) == (1, "")
    [line] = err.splitlines()
    assert says in line


def test_without_the_key_store_what_needs_no_key_is_verified_and_the_rest_is_3(playhead, archive):
    code, out, _ = playhead("verify", "--archive", archive.folder, "--json", PLAYHEAD_KEYRING="/no")
    report = json.loads(out)
    assert (code, report["diverged"]) == (3, [])
    assert report["equal"] > 40
    assert {entry["step"] for entry in report["unverifiable"]} <= {"ingest", "redact"}
    assert all("no key store at /no" in entry["reason"] for entry in report["unverifiable"])


@pytest.mark.parametrize(
    "options",
    [
        ("--tenant", "acmee"),
        ("--request", "5b0f2e0e"),
        ("--since", "2999-01-01T00:00:00+00:00"),
        ("--until", "1999-01-01T00:00:00+00:00"),
    ],
)
def test_where_nothing_is_selected_nothing_was_shown(playhead, archive, options):
    code, out, err = playhead("verify", "--archive", archive.folder, "--json", *options)
    assert (code, out) == (2, "")
    assert f"nothing is selected by {options[0]}" in err


@pytest.mark.slow  # a log is verified two dozen times
def test_a_window_takes_inputs_with_all_their_outcomes(playhead, archive):
    """However a log is cut in two by time, each half holds, and both are the whole."""
    log = ArchiveLog(archive.folder)
    codec = Codec(log.ids)
    times = sorted(
        codec.decode_any(stored.value).meta.at
        for topic, lane in log.extents()
        for stored in log.records(topic, lane)
    )
    _, out, _ = playhead("verify", "--archive", archive.folder, "--json")
    every = json.loads(out)["records"]
    for at in times[:: len(times) // 12]:
        cut = datetime.fromtimestamp(at / 1_000_000, UTC).isoformat()
        halves = 0
        for option in ("--since", "--until"):
            code, out, err = playhead("verify", "--archive", archive.folder, "--json", option, cut)
            assert code == (2 if "nothing is selected" in err else 0), (out, err)
            halves += json.loads(out)["records"] if out else 0
        assert halves == every


def test_nothing_is_written_and_a_disk_for_reading_is_enough(playhead, archive, tmp_path):
    run = shutil.copytree(archive.settings.run, tmp_path / "run")
    before = listing(run), listing(archive.folder)
    code, _, _ = playhead("verify", "--archive", archive.folder, PLAYHEAD_RUN=str(run))
    assert (code, listing(run), listing(archive.folder)) == (0, *before)


def listing(folder):
    """What lies in a folder, with the times of its last changes."""
    return {
        path: (path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(folder.rglob("*"))
    }


def test_a_request_is_followed_from_the_edge_to_its_last_record(playhead, archive):
    code, out, _ = playhead("timeline", archive.request, "--archive", archive.folder, "--json")
    told = json.loads(out)
    assert (code, told["request_id"]) == (0, archive.request)
    steps = [run["step"] for run in told["steps"]]
    assert steps[:2] == ["gateway", "redact"]
    assert steps[-1] == "moderate"
    assert [one["stage"] for one in told["stages"]][:2] == ["rewrite", "search"]
    code, out, _ = playhead("timeline", archive.request, "--archive", archive.folder)
    assert code == 0
    assert "retrieve" in out
    assert "left to the deadline" in out


def test_a_log_of_two_releases_ago_is_refused_by_its_format(playhead, copy):
    manifest = copy / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 0'))
    code, _, err = playhead("verify", "--archive", copy)
    assert code == 1
    assert "format 0, this release reads 1" in err


@pytest.fixture
def in_bucket(archive, tmp_path):
    """The archive in a bucket, and what the command line is told of it."""
    with a_server() as server:
        held = emptied(server).buckets["backups"]
        held.update({PREFIX + name: one for name, one in files_in(archive.folder).items()})
        cache = str(tmp_path / "cache")
        yield server, {"PLAYHEAD_S3_ENDPOINT": server.url, "PLAYHEAD_ARCHIVE_CACHE": cache}


def test_an_archive_in_a_bucket_is_verified_and_read_without_a_broker(playhead, archive, in_bucket):
    server, told = in_bucket
    code, out, _ = playhead("verify", "--archive", PLACE, "--json", **told)
    assert (code, json.loads(out)["diverged"]) == (0, [])
    _, folder, _ = playhead("verify", "--archive", archive.folder, "--json")
    assert json.loads(out)["records"] == json.loads(folder)["records"]
    code, out, _ = playhead("timeline", archive.request, "--archive", PLACE, "--json", **told)
    assert (code, json.loads(out)["request_id"]) == (0, archive.request)
    held = server.buckets["backups"]
    key = next(key for key in sorted(held) if REWRITTEN in key)
    held[key] = held[key][:-1]
    shutil.rmtree(told["PLAYHEAD_ARCHIVE_CACHE"])
    code, out, _ = playhead("verify", "--archive", PLACE, **told)
    assert (code, "its SHA-256 is not the manifest's" in " ".join(out.split())) == (1, True)


def test_a_bucket_that_is_away_is_no_tampering(playhead, in_bucket):
    server, told = in_bucket
    server.before = lambda *_: 500
    code, out, err = playhead("verify", "--archive", PLACE, **told)
    assert (code, out) == (3, "")
    assert "can't read manifest.json in bucket backups" in err
    server.before = lambda *_: 404
    code, _, err = playhead("verify", "--archive", PLACE, **told)
    assert (code, f"{PLACE} has no manifest.json" in err) == (1, True)


@pytest.mark.parametrize("place", ["s3://", "s3://ok-bucket/../x", "s3://b/x"])
def test_an_address_that_is_none_is_wrong_usage(playhead, place):
    code, _, err = playhead("verify", "--archive", place)
    assert (code, "s3://" in err) == (2, True)
