"""What is said of each row, where more than sameness decides it: bounds, erasures, what is open or in doubt."""

from contextlib import closing

import pytest

from replay.rebuild.made_tables import ERASED, OpenInputs
from replay.rebuild.remade_tables import remade
from replay.rebuild.row_store import LIVE, MADE, RowStore
from replay.rebuild.table_comparison import SLACK, RowComparison, RowDifference, TableReport
from schemas import DocumentState, Placeholders, ReleaseState, TableEntry, TableRow, Turn, Turns
from streams.delivery.rows import RowKey
from streams.settings import Settings
from tests.fakes import a_codec

CODEC, LANE = a_codec(), 1
VALUES = {
    "documents": DocumentState(version=1),
    "placeholders": Placeholders(),
    "releases": ReleaseState(batch=0),
    "sessions": Turns(turns=(Turn(request="r", question="q", answer="a"),)),
}
INPUTS = {"the inputs": "their log"}
JANE = ("acme", "jane")


class Sides:
    """Both sides of a table, row by row."""

    def __init__(self, name):
        self.name = name
        self.store = RowStore()
        self.made, self.live = (self.store.rows(side, name) for side in (MADE, LIVE))
        self.table = remade(name, self.store, "none", CODEC, Settings())
        self.open = OpenInputs(set(), {})
        self.people = set()

    def row(self, *events, origin=""):
        value = VALUES[self.name]
        if origin:
            value = Turns(turns=value.turns, origin=origin)
        return CODEC.encode(
            TableRow(
                entries=tuple(
                    TableEntry(event=event, value=CODEC.encode(value), log=log, offset=offset)
                    for event, log, offset in events
                )
            )
        )

    def compared(self):
        return list(
            RowComparison(self.table, LANE, self.store, self.open, INPUTS, self.people).rows()
        )

    def verdicts(self):
        return {one.key: one.told.verdict for one in self.compared()}


@pytest.fixture
def sides(request):
    made = Sides(getattr(request, "param", "documents"))
    with closing(made.store):
        yield made


KEY = RowKey(LANE, "acme", "d").key
ONE, TWO = ("e-1", "their log", 1), ("e-2", "their log", 2)


@pytest.mark.parametrize("opened", ["event", "place"])
def test_what_an_unfinished_input_wrote_is_pending(sides, opened):
    if opened == "event":
        sides.open.events.add("e-2")
    else:
        sides.open.ends["the inputs"] = 2
    sides.made[KEY] = sides.row(ONE)
    sides.live[KEY] = sides.row(ONE, TWO)
    assert sides.verdicts() == {KEY: "pending"}
    sides.live[KEY] = sides.row(TWO)
    sides.made.pop(KEY)
    assert sides.verdicts() == {KEY: "pending"}
    sides.live.pop(KEY)
    sides.made[KEY] = sides.row(TWO)
    assert sides.verdicts() == {KEY: "pending"}
    sides.made[KEY] = sides.row(ONE, TWO)
    assert sides.verdicts() == {KEY: "missing"}


@pytest.mark.parametrize(("why", "verdict"), [(ERASED, "erased"), ("no key", "unverifiable")])
def test_what_a_run_wrote_that_can_not_be_made_again_is_in_doubt(sides, why, verdict):
    sides.store.doubt("documents", KEY, "e-1", why)
    sides.live[KEY] = sides.row(ONE)
    [told] = sides.compared()
    assert (told.told.verdict, told.mends) == (verdict, False)
    sides.made[KEY] = sides.row(TWO)
    sides.live[KEY] = sides.row(ONE, TWO)
    assert sides.verdicts() == {KEY: verdict}


def test_a_row_that_differs_beside_what_is_in_doubt_is_left(sides):
    sides.store.doubt("documents", KEY, "e-1", "no key")
    sides.made[KEY] = sides.row(TWO)
    sides.live[KEY] = sides.row(ONE)
    [told] = sides.compared()
    assert (told.told.verdict, told.mends) == ("different", False)


def test_a_row_of_0_1_0_that_the_log_does_not_tell_is_left(sides):
    sides.live[KEY] = sides.row(("e-1", "", -1))
    [told] = sides.compared()
    assert (told.told.verdict, told.mends) == ("unverifiable", False)


@pytest.mark.parametrize("sides", ["sessions"], indirect=True)
@pytest.mark.parametrize("origin", ["", "fork:acme/jane;"])
def test_a_row_of_somebody_who_was_erased_or_that_rests_on_theirs_is_too_much(sides, origin):
    whose = "joe" if origin else "jane"
    key = RowKey.of_conversation(LANE, "acme", whose, "s").key
    sides.live[key] = sides.row(ONE, origin=origin)
    sides.people = {JANE}
    [told] = sides.compared()
    assert (told.told.verdict, told.wanted, told.mends) == ("extra", None, True)
    assert told.told.reason == "it is of somebody who was erased"


@pytest.mark.parametrize("sides", ["releases"], indirect=True)
def test_answers_that_ended_long_ago_may_be_gone(sides):
    sides.table.ROWS_MAX = SLACK + 3
    keys = [RowKey(LANE, "acme", f"r-{number}").key for number in range(8)]
    for key in keys:
        sides.made[key] = sides.row(ONE)
    assert [sides.verdicts()[key] for key in keys] == ["dropped"] * 6 + ["missing"] * 2
    sides.live[keys[0]] = sides.row(ONE)  # that one is there still
    assert sides.verdicts()[keys[0]] == "equal"


def test_a_key_that_is_none_of_ours_is_told_by_its_bytes(sides):
    sides.live[b"no key"] = b"nonsense"
    [told] = sides.compared()
    assert (told.told.scope, told.told.verdict) == (b"no key".hex(), "extra")


def test_a_row_is_compared_by_what_it_says_and_not_by_how_it_is_spelt(sides):
    sides.made[KEY] = sides.row(ONE)
    sides.live.put(KEY, sides.row(("e-1", "", -1)), 41)
    [told] = sides.compared()
    assert told.told.verdict == "equal"
    assert told.told.made == told.told.held
    assert told.told.offset == 41


def told(verdict, table="documents"):
    return RowDifference(table, LANE, 1, "acme", "d", verdict, "a", "b", "why")


@pytest.mark.parametrize(
    ("verdicts", "lost", "status"),
    [
        ([], [], 0),
        (["equal", "pending", "dropped", "erased"], [], 0),
        (["equal", "unverifiable"], [], 3),
        (["missing", "unverifiable"], [], 1),
        (["extra"], [], 1),
        (["different"], [], 1),
        (["equal"], ["topic"], 1),
    ],
)
def test_a_process_exits_as_after_a_verification(verdicts, lost, status):
    report = TableReport(lost=lost)
    for verdict in verdicts:
        report.add(told(verdict))
    assert report.status == status
    assert report.as_json()["rows"] == len(verdicts)
    listed = [one["verdict"] for one in report.as_json()["differences"]]
    assert listed == [
        one for one in verdicts if one in {"missing", "extra", "different", "unverifiable"}
    ]


def test_all_are_counted_and_the_first_of_them_listed():
    report = TableReport(listed_max=2)
    for _ in range(5):
        report.add(told("missing"))
    assert (len(report.differences), report.count("missing")) == (2, 5)
