"""`playhead replay as-of`, `timeline` and `import`: wrong usage is told in a line."""

import json

import pytest

from infra.cli import main


@pytest.fixture
def playhead(archive, monkeypatch, capsys):
    """Run `playhead …` without a broker, and return the exit status, stdout and stderr."""

    def run(*words):
        monkeypatch.setenv("PLAYHEAD_RUN", str(archive.settings.run))
        monkeypatch.setenv("PLAYHEAD_KAFKA", "127.0.0.1:1")
        monkeypatch.setenv("PLAYHEAD_REGISTRY", "http://127.0.0.1:1")
        with pytest.raises(SystemExit) as ended:
            main([*map(str, words)])
        return ended.value.code, *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("replay", "as-of"), "name WHEN, QUESTION and --tenant, or --request"),
        (("replay", "as-of", "1", "q"), "name WHEN, QUESTION and --tenant"),
        (("replay", "as-of", "1", "", "--tenant", "a"), "name WHEN, QUESTION and --tenant"),
        (("replay", "as-of", "--request", "r", "--tenant", "a"), "of its own"),
        (("replay", "as-of", "1", "q", "--tenant", "a", "--filter", "x"), "NAME=VALUE"),
        (("replay", "as-of", "1", "q", "--tenant", "a", "-k", "0"), "not in the range"),
        (("replay", "timeline", "r", "--format", "otlp"), "go together"),
        (("replay", "timeline", "r", "--endpoint", "http://x"), "go together"),
        (
            ("replay", "timeline", "r", "--format", "otlp", "--endpoint", "127.0.0.1:4318"),
            "is no address of a collector",
        ),
        (("replay", "import", "/no/such/folder"), "does not exist"),
        (("up", "--no-setup"), "--no-setup goes with --only kafka,registry"),
        (("up", "--no-setup", "--only", "kafka,worker"), "--no-setup goes with"),
    ],
)
def test_wrong_usage_is_2_and_one_line(playhead, words, says):
    code, out, err = playhead(*words)
    assert (code, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1


def test_a_session_is_shown_request_by_request(playhead, archive):
    words = ("replay", "timeline", archive.request, "--archive", archive.folder)
    one = json.loads(playhead(*words, "--json")[1])
    assert one["request_id"] == archive.request
    session = one["session_id"]
    code, out, _ = playhead("replay", "timeline", session, "--archive", archive.folder, "--json")
    told = json.loads(out)
    assert (code, told["id"]) == (0, session)
    assert archive.request in [request["request_id"] for request in told["requests"]]
    assert one in told["requests"]
    code, out, _ = playhead("replay", "timeline", session, "--archive", archive.folder)
    assert code == 0
    assert out.count("request ") >= len(told["requests"])


def test_an_import_of_no_archive_is_told(playhead, tmp_path):
    code, out, err = playhead("replay", "import", tmp_path)
    assert (code, out) == (1, "")
    assert "has no manifest.json: not an archive, or unfinished" in err
