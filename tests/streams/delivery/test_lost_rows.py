"""A changelog that lost rows since a commit is told of when a lane is taken over, and nothing else is."""

import pytest

from schemas import QuestionRedacted
from streams.delivery.commits import due
from streams.delivery.lane import Lane
from streams.delivery.lost_rows import against_changelog, noted_as
from streams.delivery.step_tables import Sessions
from streams.delivery.takeover import Takeover
from streams.settings import Settings
from streams.topics import changelog_of, step, topic_of
from tests.fakes import a_codec
from tests.memory_broker import a_broker
from tests.streams.delivery.memory_publisher import sent
from tests.streams.fake_tables import an_answer, table

ASKED, SESSIONS = topic_of(QuestionRedacted), changelog_of("sessions")
LANE = 2
AT_TEN = {noted_as(SESSIONS, "this"): 10, topic_of(QuestionRedacted): 99}


@pytest.mark.parametrize(
    ("identity", "end", "after", "lacks"),
    [
        ("this", 11, AT_TEN, ""),  # the last one is our fence
        ("this", 300, AT_TEN, ""),
        ("this", 10, AT_TEN, "ends at 9, and was written up to 10"),
        ("this", 1, AT_TEN, "ends at 0, and was written up to 10"),
        ("another", 300, AT_TEN, "was deleted and made anew"),
        ("this", 1, {}, ""),
        ("this", 1, {SESSIONS: 10}, ""),
        ("this", 1, {noted_as(changelog_of("releases"), "this"): 10}, ""),
    ],
)
def test_a_changelog_is_held_against_what_a_note_tells(identity, end, after, lacks):
    assert against_changelog(SESSIONS, identity, end, after) == lacks


class Workers:
    """One worker of *rewrite* after the other, over a log that may be hurt between them."""

    def __init__(self):
        self.broker = a_broker()
        self.ids = {ASKED: "the topic", SESSIONS: "the changelog"}
        self.note = ""

    async def take_over(self):
        """Let one take the lane over, remember an answer, and commit."""
        kept, _ = table(Sessions, self.broker)
        takeover = Takeover(
            step("rewrite"),
            Settings(),
            a_codec(),
            (kept,),
            open_consumer=lambda *_: self.broker.consumer(),
            topic_ids=lambda _, topics: {
                name: self.ids[name] for name in topics if name in self.ids
            },
        )
        written = {}
        lane = Lane(ASKED, LANE, 0, 0, note=self.note)
        await takeover.learn([lane], written)
        lane.learned = True
        await kept.remember(an_answer(f"r-{len(sent(self.broker))}"), 0)
        written[SESSIONS, LANE] = self.broker.rows[SESSIONS, LANE].end
        [commit] = due([lane])
        self.note = commit.note

    def lose(self, rows):
        changelog = self.broker.rows[SESSIONS, LANE]
        changelog.end -= rows
        del changelog.messages[len(changelog.messages) - rows :]


@pytest.fixture
def told(monkeypatch):
    """What is said as an error."""
    said = []
    monkeypatch.setattr(
        "streams.delivery.takeover.log.error", lambda words, **fields: said.append((words, fields))
    )
    return said


async def test_a_changelog_as_it_was_left_is_nothing_to_tell(told):
    workers = Workers()
    for _ in range(3):
        await workers.take_over()
    assert told == []


@pytest.mark.parametrize(
    ("hurt", "reason"),
    [
        (lambda workers: workers.lose(1), "ends at 1, and was written up to 2"),
        (lambda workers: workers.ids.update({SESSIONS: "a new one"}), "was deleted and made anew"),
    ],
)
async def test_one_that_lost_its_tail_or_was_made_anew_is_told_of_with_what_to_run(
    told, hurt, reason
):
    workers = Workers()
    await workers.take_over()
    hurt(workers)
    await workers.take_over()
    [(words, fields)] = told
    assert "playhead replay rebuild tables" in words
    assert fields == {"table": "sessions", "lane": LANE, "reason": f"{SESSIONS} {reason}"}
    await workers.take_over()  # the new owner's commit speaks of what there is now
    assert len(told) == 1


async def test_where_the_broker_tells_no_id_nothing_is_noted(told):
    workers = Workers()
    workers.ids = {}
    await workers.take_over()
    workers.lose(1)
    await workers.take_over()
    assert told == []
