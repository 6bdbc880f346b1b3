"""`playhead sources` over a log in memory: what is typed, and what is seen."""

from __future__ import annotations

import json
from contextlib import ExitStack
from itertools import count

import pytest
from click.testing import CliRunner

from edge.cli import sources as module
from edge.cli.source_watch import Awake, following
from edge.cli.sources import sources
from edge.sources.source_lock import source_lock
from tests.edge.cli.running import run
from tests.edge.sources.followed import FollowedTenant
from tests.fake_clock import FakeClock


@pytest.fixture
def acme(tmp_path, monkeypatch):
    """A tenant whose log, keys and settings the verbs use."""
    acme = FollowedTenant(tmp_path / "run")

    def desk(settings, tenant):
        assert settings.run == acme.settings.run
        return FollowedTenant(settings.run, tenant, acme.broker).desk()

    monkeypatch.setenv("PLAYHEAD_RUN", str(acme.settings.run))
    monkeypatch.setattr(module, "SourceDesk", desk)
    return acme


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "handbook"
    folder.mkdir()
    for name in ("a.md", "b.md", "c.md"):
        (folder / name).write_text(name)
    (folder / "x.bin").write_bytes(b"x")
    return folder


def typed(verb, *arguments, tenant="acme"):
    return run(sources, verb, *arguments, "--tenant", tenant)


def test_a_source_is_added_looked_at_run_and_listed(acme, folder):
    done = typed("add", "handbook", folder, "-o", "exclude=drafts/*", "--group", "staff")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == (
        "acme: source handbook (folder) is set up; "
        "`playhead sources run handbook --tenant acme --dry-run` says what it has\n"
    )
    done = typed("run", "handbook", "--dry-run")
    assert f"+ {(folder / 'a.md').as_uri()}\n" in done.stderr
    assert f"skipped {folder / 'x.bin'}: .bin files can't be read" in done.stderr
    assert done.stderr.endswith(
        "acme: source handbook: would be: 3 added, 0 changed, 0 removed, 0 unchanged, 1 skipped, "
        "0 failed\n"
    )
    done = typed("run", "handbook")
    assert done.exit_code == 0
    assert done.stderr.splitlines()[-1].startswith("acme: source handbook: 3 added, 0 changed")
    assert acme.submitted[0].groups == ("staff",)
    done = typed("list")
    assert "handbook" in done.stdout
    assert "ended: 3 added, 1 skipped" in done.stdout


def test_each_verb_reports_as_one_json_document(acme, folder):
    added = json.loads(typed("add", "handbook", folder, "--rate", "50", "--json").stdout)
    assert (added["kind"], added["rate"], added["changed"]) == ("folder", 50.0, False)
    ran = json.loads(typed("run", "handbook", "--json").stdout)
    assert ran["counts"]["added"] == 3
    assert (ran["complete"], ran["dry_run"], ran["deletions_refused"]) == (True, False, 0)
    assert {one["outcome"] for one in ran["told"]} == {"added", "skipped"}
    [listed] = json.loads(typed("list", "--json").stdout)["sources"]
    assert (listed["documents"], listed["last_run"]["counts"]["added"]) == (3, 3)
    removed = json.loads(typed("remove", "handbook", "--withdraw", "--json").stdout)
    assert removed["withdrawn"] == 3
    assert json.loads(typed("list", "--json").stdout)["sources"] == []


def test_a_source_that_is_added_again_is_set_up_anew(acme, folder):
    typed("add", "handbook", folder)
    done = typed("add", "handbook", folder, "--policy", "faq")
    assert "is set up anew" in done.stderr
    assert typed("run", "handbook").exit_code == 0
    assert {one.chunk_policy for one in acme.submitted} == {"faq"}


def test_documents_that_failed_or_are_not_withdrawn_make_the_verb_fail(acme, folder):
    typed("add", "handbook", folder)
    typed("run", "handbook")
    for name in ("a.md", "b.md"):
        (folder / name).unlink()
    done = typed("run", "handbook")
    assert done.exit_code == 1
    assert "2 of 3 documents are gone from the source, more than half: none was" in done.stderr
    done = typed("run", "handbook", "--allow-deletions")
    assert (done.exit_code, len(acme.withdrawn)) == (0, 2)
    (folder / "z.md").symlink_to("none")
    assert typed("run", "handbook").exit_code == 0  # skipped is not failed


def test_what_is_many_is_counted_and_not_listed(acme, folder):
    for number in range(40):
        (folder / f"{number}.bin").write_bytes(b"x")
    typed("add", "handbook", folder)
    done = typed("run", "handbook")
    assert done.stderr.splitlines() == [
        "skipped 41: .bin files can't be read",
        (
            "acme: source handbook: 3 added, 0 changed, 0 removed, 0 unchanged, 41 skipped, "
            "0 failed; indexing goes on (--wait waits for it)"
        ),
    ]
    for number in range(4, 50):
        (folder / f"{number}.md").write_text("x")
    done = typed("run", "handbook", "--dry-run")
    assert done.stderr.count("+ ") == 20
    assert "added: 26 more (--json names them)" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "none"), "acme has no source none: it has none"),
        (("remove", "none"), "acme has no source none"),
        (("add", "x", "/no/such"), "there is no folder /no/such"),
        (("add", "x", "/", "--policy", "none"), "no such chunk policy: choose "),
        (("add", "x", "https://a.test", "-o", "pages=x"), "option pages"),
        (("add", "x", "s3://b", "-o", "secret_key=AKIA"), "env:NAME or file:PATH"),
    ],
)
def test_what_can_not_be_done_is_one_line(acme, arguments, said):
    done = typed(*arguments)
    assert done.exit_code == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "AKIA" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "a/b", "."), "a source is called by"),
        (("add", "x", ".", "-o", "pages"), "write NAME=VALUE"),
        (("add", "x", ".", "-o", "a=1", "-o", "a=2"), "a is given twice"),
        (("add", "x", ".", "--rate", "-1"), "-1"),
        (("run", "x", "--every", "0"), "0"),
        (("run", "x", "--watch", "--json"), "--watch goes on and on"),
    ],
)
def test_wrong_usage_is_told(acme, arguments, said):
    done = typed(*arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_another_tenants_source_is_none(acme, folder):
    typed("add", "handbook", folder)
    done = typed("run", "handbook", tenant="globex")
    assert "globex has no source handbook: it has none" in done.stderr
    assert json.loads(typed("list", "--json", tenant="globex").stdout)["sources"] == []
    assert "globex has no sources: `playhead sources add" in typed("list", tenant="globex").stderr


def test_a_watched_folder_is_followed_until_somebody_ends_it(acme, folder, monkeypatch):
    typed("add", "handbook", folder)
    steps = [
        lambda: (folder / "new.md").write_text("new"),
        lambda: None,  # nothing changed: nothing is told
        lambda: folder.rename(folder.with_name("away")),
        lambda: folder.with_name("away").rename(folder),
    ]

    class Stepping:
        def __init__(self, watched, every_s):
            assert (watched, every_s) == (folder, 60.0)

        def wait(self):
            if not steps:
                raise KeyboardInterrupt
            steps.pop(0)()

    monkeypatch.setattr(module, "Awake", Stepping)
    done = CliRunner().invoke(sources, ["run", "handbook", "--tenant", "acme", "--watch"])
    assert done.exit_code == 1
    assert "source handbook is followed; Ctrl-C ends it" in done.stderr
    told = done.stderr.splitlines()[1:]
    assert [line.partition(",")[0] for line in told if line not in ("", "Aborted!")] == [
        "acme: source handbook: 3 added",
        "acme: source handbook: 1 added",
        f"{folder} is no folder: is it mounted?",
    ]
    assert len(acme.submitted) == 4
    assert not acme.withdrawn


def test_a_watch_outlasts_a_run_by_hand(acme, folder, monkeypatch):
    typed("add", "handbook", folder)
    with ExitStack() as by_hand:
        steps = [
            lambda: by_hand.enter_context(source_lock(acme.settings, "acme", "handbook")),
            by_hand.close,
            lambda: (folder / "new.md").write_text("new"),
        ]

        class Stepping:
            def __init__(self, _watched, _every_s):
                pass

            def wait(self):
                if not steps:
                    raise KeyboardInterrupt
                steps.pop(0)()

        monkeypatch.setattr(module, "Awake", Stepping)
        done = CliRunner().invoke(sources, ["run", "handbook", "--tenant", "acme", "--watch"])
    assert "another process on this machine follows source handbook" in done.stderr
    assert len(acme.submitted) == 4
    with source_lock(acme.settings, "acme", "handbook"):
        done = CliRunner().invoke(sources, ["run", "handbook", "--tenant", "acme", "--watch"])
    assert done.exit_code == 1
    assert "Aborted!" not in done.stderr


def test_a_folder_tells_of_changes_at_once(tmp_path):
    looks = count()  # which a clock counts that goes on by one each time
    awake = Awake(tmp_path, 120.0, clock=lambda: float(next(looks)))
    (tmp_path / "new.md").write_text("x")  # as may happen in the first run
    awake.wait()
    assert next(looks) < 120, "it was not told, but looked again after a while"


def test_a_folder_that_tells_nothing_is_looked_at_again_after_a_while(tmp_path):
    clock, slept = FakeClock(), []

    def changes(folder, **told):
        while True:
            clock.now += told["rust_timeout"] / 1_000
            yield set()

    awake = Awake(tmp_path, 7.0, pause=slept.append, changes=changes, clock=clock)
    begun_s = clock.now
    awake.wait()
    assert (clock.now - begun_s, slept) == (7.0, [])


def test_what_does_not_tell_is_looked_at_again_after_a_while(tmp_path):
    slept = []
    Awake(None, 7.0, pause=slept.append).wait()

    def changes(folder, **told):
        raise FileNotFoundError(folder)
        yield

    gone = Awake(tmp_path / "none", 7.0, pause=slept.append, changes=changes)
    gone.wait()
    gone.wait()
    assert slept == [7.0, 7.0, 7.0]


def test_progress_is_shown_on_a_terminal_alone(capsys):
    with following("handbook", wait=True) as watcher:
        watcher.begun(None)
        watcher.found()
        watcher.settled(1, 2)
    assert capsys.readouterr() == ("", "")
