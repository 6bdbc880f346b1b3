"""Whether each request that was asked has its end, and each record that is no request was taken for none."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from streams.running.admit import INBOX_TOPICS
from tests.chaos.judgement import Expected, Judgement
from tests.chaos.rows import Row


def judge_unreadable(
    judged: Judgement, expected: Expected | None, topic: str, lane: int, rows: Sequence[Row]
) -> None:
    """Hold the records of a topic that are no requests against those that were meant to be none."""
    if expected is None:
        return
    unreadable = {row.offset for row in rows if not row.readable}
    meant = {
        offset for name, number, offset in expected.unreadable if (name, number) == (topic, lane)
    }
    judged.lost += [
        f"{topic}[{lane}]@{offset} was unreadable and is not"
        for offset in sorted(meant - unreadable)
    ]
    judged.invented += [
        f"{topic}[{lane}]@{offset} can't be read" for offset in sorted(unreadable - meant)
    ]


def judge_inbox(
    judged: Judgement, expected: Expected | None, lane: int, letters: Sequence[Row]
) -> None:
    """Hold the inbox's dead letters against its records that are no requests."""
    named = {row.cause for row in letters}
    judged.unreadable += len(named)
    if expected is None:
        return
    meant = {
        (topic, offset)
        for topic, number, offset in expected.unreadable
        if number == lane and topic in INBOX_TOPICS
    }
    judged.lost += [
        f"{topic}[{lane}]@{offset} is no request and has no dead letter of the inbox"
        for topic, offset in sorted(meant - named)
    ]
    judged.invented += [
        f"{topic}[{lane}]@{offset} has a dead letter of the inbox and is a request"
        for topic, offset in sorted(named - meant)
    ]


def judge_ends(
    judged: Judgement,
    expected: Expected | None,
    lane: int,
    asked: AbstractSet[str],
    ends: Mapping[str, AbstractSet[str]],
    rejected: AbstractSet[str],
) -> None:
    """Hold the ends of a lane's requests against those that were asked; `ends` holds ids of records, "" for letters."""
    judged.requests = len(asked)
    judged.rejected = len(rejected)
    judged.answered = len(ends.keys() - rejected)
    judged.lost += [f"request {id_} has no end" for id_ in sorted(asked - ends.keys())]
    judged.duplicates += [
        f"request {id_} has {len(records)} ends"
        for id_, records in ends.items()
        if len(records) > 1
    ]
    if expected is None:
        return
    fates = {id_: fate for id_, (number, fate) in expected.fates.items() if number == lane}
    judged.lost += [f"request {id_} is not on the log" for id_ in sorted(fates.keys() - asked)]
    unheard = {id_ for id_ in asked - fates.keys() if expected.attempted.get(id_) == lane}
    judged.unheard = len(unheard)
    judged.invented += [f"nobody asked {id_}" for id_ in sorted(asked - fates.keys() - unheard)]
    for id_, fate in fates.items():
        if fate == "answered" and id_ in rejected:
            judged.letters.append(f"request {id_} was rejected and should be answered")
        if fate == "rejected" and id_ in ends and id_ not in rejected:
            judged.letters.append(f"request {id_} was answered and should be rejected")
