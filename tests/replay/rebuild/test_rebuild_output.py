"""What the verbs of `playhead replay rebuild` print, and how they end."""

import json

import pytest
from click.testing import CliRunner

from agents.errors import Permanent, Transient
from replay.rebuild import rebuild_cli
from replay.rebuild.index_comparison import ComparedGenerations, ComparedTenant, IndexDifference
from replay.rebuild.rebuild_cli import Bar, rebuild
from replay.rebuild.recall import Recalls, RecordedQuery

TOLD = {"generation": 2, "index": "PlayheadChunk_2", "records": 3, "chunks": 1, "filled": True}


class Verbs:
    """Notes what is asked, and answers or raises what it is told."""

    def __init__(self):
        self.asked, self.answers = [], {}

    def __getattr__(self, name):
        async def verb(*arguments, **fields):
            self.asked.append((name, arguments, fields))
            answer = self.answers[name]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return verb


@pytest.fixture
def verbs():
    return Verbs()


@pytest.fixture
def run(verbs, tmp_path):
    """Run a verb over these; the folder looks as if a stack had run there."""
    (tmp_path / "stack.json").write_text("{}")

    def made(*words, status=0):
        environment = {"PLAYHEAD_RUN": str(tmp_path)}
        done = CliRunner().invoke(rebuild, [*words], obj=lambda *_: verbs, env=environment)
        assert done.exit_code == status, done.output
        return done

    return made


def compared(*differences):
    made = ComparedGenerations((1, 2), {"acme": ComparedTenant("acme", [5, 5])}, list(differences))
    made.tenants["acme"].different = len(differences)
    return made


def test_filling_says_what_was_written_and_what_comes_next(run, verbs):
    verbs.answers["fill"] = TOLD
    done = run("--tenant", "acme", "--into", "2", "--embedder", "b", "--follow")
    assert "generation 2 holds all of the log: 3 records with 1 chunk written" in done.stdout
    assert "next: playhead replay rebuild compare" in done.stdout
    [(_, [wanted], fields)] = verbs.asked
    assert (wanted.generation, wanted.tenant, wanted.embedder) == (2, "acme", "b")
    assert fields == {"follow": True}
    told = json.loads(run("--json").stdout)
    assert told.items() >= TOLD.items()
    assert told["seconds"] >= 0


def test_an_archive_does_not_grow(run, tmp_path):
    done = run("--archive", str(tmp_path), "--follow", status=2)
    assert "an archive does not grow" in done.stderr


def test_a_comparison_names_the_first_difference_and_exits_1(run, verbs):
    verbs.answers["compare"] = compared()
    done = run("compare")
    assert "acme: 5 objects" in done.stdout
    assert done.stdout.endswith("generations 1 and 2 are equal\n")
    first = IndexDifference("acme", "chunks", "id-1", "live: true and false")
    verbs.answers["compare"] = compared(first)
    done = run("compare", "--into", "2", "--tenant", "acme", status=1)
    assert "first difference: acme chunks id-1: live: true and false" in done.stdout
    assert "  1 different\n" in done.stdout
    assert verbs.asked[-1] == ("compare", (2, "acme"), {})
    told = json.loads(run("compare", "--json", status=1).stdout)
    assert told["first_difference"]["id"] == "id-1"
    assert told["equal"] is False


def test_a_swap_says_what_is_in_force_and_how_to_undo_it(run, verbs):
    verbs.answers["swap"] = (1, 2)
    done = run("swap", "--into", "2")
    assert done.stdout.startswith("generation 2 is in force, 1 stays beside it; ")
    assert "roll-back undoes it" in done.stdout
    assert "swap puts it back" in run("roll-back").stdout
    assert verbs.asked == [("swap", (2,), {"back": False}), ("swap", (None,), {"back": True})]
    assert json.loads(run("swap", "--json").stdout) == {"before": 1, "in_force": 2}


def test_the_generations_are_listed(run, verbs):
    verbs.answers["told"] = [{"generation": 1, "index": "PlayheadChunk_1", "state": "in force"}]
    assert run("status").stdout == "  1  PlayheadChunk_1  in force\n"
    assert json.loads(run("status", "--json").stdout) == {"generations": verbs.answers["told"]}


def test_one_is_dropped(run, verbs):
    verbs.answers["drop"] = None
    assert run("drop", "3").stdout == "generation 3 is gone\n"
    assert verbs.asked == [("drop", (3,), {})]


@pytest.mark.parametrize("error", [Permanent("no such"), Transient("away: see `playhead status`")])
def test_errors_of_the_index_are_one_line_and_exit_1(run, verbs, error):
    verbs.answers["drop"] = error
    assert run("drop", "3", status=1).stderr == f"Error: {error}\n"
    verbs.answers["drop"] = ExceptionGroup("lanes", [ExceptionGroup("one", [error])])
    assert run("drop", "3", status=1).stderr == f"Error: {error}\n"


def test_recalls_are_told_beside_each_other():
    made = Recalls(10)
    made.add(RecordedQuery("acme", 0, "r", "q", cited=("a",)), (["a"], ["b"]))
    assert rebuild_cli.recalls_told((1, 2), made) == [
        "overlap@10: 0.000 (1 question)",
        "recall@10 of cited: 1 1.000 (1 question); 2 0.000 (1 question)",
        "recall@10 of cited, judged right: 1 no question; 2 no question",
    ]


def test_what_is_waited_for_is_said_once_and_when_it_goes_on(capsys):
    bar = Bar("building")
    for why in ("away", "away", "", ""):
        bar.waiting(why)
    bar.update(1, 2)
    assert capsys.readouterr().err == "waiting: away\nit goes on\n"
