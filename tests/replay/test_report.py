"""The report counts what the rules say, and is spelt as the contract has it."""

import pickle

import pytest

from replay.log import Stored
from replay.report import LISTED_MAX, Difference, Report, merged
from replay.rules import RecordVerdict, StoredOutcome
from tests.fakes import a_meta
from tests.replay.little_log import asked


@pytest.mark.parametrize("said", ["equal", "superseded", "erased"])
def test_each_class_is_counted_by_itself(said):
    report = Report()
    report.add(RecordVerdict(None, said))
    counts = {name: value for name, value in vars(report).items() if value}
    assert counts == {said: 1}


@pytest.mark.parametrize("said", ["diverged", "unverifiable"])
def test_a_difference_names_the_place_the_step_and_the_reason(said):
    report = Report()
    event = asked(3)
    report.add(
        RecordVerdict(StoredOutcome(Stored("t", 2, 9, 0, b"", b""), event), "diverged", "why")
    )
    assert report.diverged == [Difference("t", 2, 9, "id-of-r-3", "gateway", "why")]
    assert a_meta(request="r-3").id == "id-of-r-3"


def test_the_json_is_what_the_contract_says():
    report = Report(records=3, equal=2, seconds=1.23456)
    report.diverged.append(Difference("t", 0, 1, "id", "embed", "why"))
    assert report.as_json() == {
        "records": 3,
        "equal": 2,
        "diverged": [
            {
                "topic": "t",
                "partition": 0,
                "offset": 1,
                "id": "id",
                "step": "embed",
                "reason": "why",
            }
        ],
        "unverifiable": [],
        "unreadable": [],
        "erased": 0,
        "superseded": 0,
        "pending": 0,
        "duplicates": 0,
        "before_its_time": 0,
        "inputs": 0,
        "model_calls": 0,
        "unlisted": {"diverged": 0, "unverifiable": 0, "unreadable": 0},
        "seconds": 1.235,
    }


def test_reports_of_lanes_add_up_in_every_count():
    counts = {
        name: number
        for number, (name, value) in enumerate(vars(Report()).items(), start=1)
        if isinstance(value, int) and name != "model_calls"
    }
    total = merged([Report(**counts), Report(**counts)])
    assert {name: getattr(total, name) for name in counts} == {
        name: 2 * number for name, number in counts.items()
    }


def test_lanes_that_were_verified_side_by_side_took_as_long_as_the_longest():
    differences = [Difference("t", lane, 0, "", "", "") for lane in range(2)]
    reports = [
        Report(diverged=[one], seconds=s) for one, s in zip(differences, (2.0, 1.0), strict=True)
    ]
    total = merged(reports)
    assert (total.seconds, total.diverged) == (2.0, differences)
    assert merged([Report(unverifiable=[one]) for one in differences]).unverifiable == differences
    assert merged([Report(unreadable=[one]) for one in differences]).unreadable == differences


ONE = Difference("t", 0, 0, "", "", "")


@pytest.mark.parametrize(
    ("report", "status"),
    [
        (Report(records=1, equal=1), 0),
        (Report(records=2, erased=1, superseded=1, pending=1), 0),
        (Report(records=1, diverged=[ONE]), 1),
        (Report(records=1, unreadable=[ONE]), 1),
        (Report(records=2, diverged=[ONE], unverifiable=[ONE]), 1),
        (Report(records=1, unverifiable=[ONE]), 3),
        (Report(inputs=1, pending=1), 3),
    ],
)
def test_tampering_is_told_from_a_lack_of_means_by_the_exit_status(report, status):
    assert report.status == status
    assert not report.empty


def test_what_holds_nothing_at_all_is_empty():
    assert Report().empty
    assert not Report(diverged=[ONE]).empty
    assert not Report(inputs=1).empty
    assert not Report(duplicates=1).empty


@pytest.mark.parametrize("name", ["diverged", "unverifiable", "unreadable"])
def test_differences_are_listed_up_to_a_bound_and_all_are_counted(name):
    entries = [Difference("t", 0, n, "", "", "") for n in range(LISTED_MAX + 2)]
    lanes = [Report(), Report(**{name: entries[:3]}), pickle.loads(pickle.dumps(Report(**{name: entries})))]  # fmt: skip
    found = getattr(lanes[0], name)
    found.append(entries[0])
    found += entries[:2]
    total = merged(lanes)
    assert getattr(total, name)[:6] == [entries[0], *entries[:2], *entries[:3]]
    counts = [lane.found(name) for lane in (*lanes, total)]
    assert counts == [3, 3, LISTED_MAX + 2, LISTED_MAX + 8]
    told = total.as_json()
    assert (len(told[name]), told["unlisted"][name]) == (LISTED_MAX, 8)
    assert sum(told["unlisted"].values()) == 8
