"""Subjects: what is registered under which name, so that a foreign reader finds it."""

import pytest

import schemas
from streams.log.subjects import subjects
from streams.topics import TOPICS, effect_records

SUBJECTS = subjects()


def test_every_topic_has_its_subject_by_confluents_topic_name_strategy():
    for topic in TOPICS:
        assert SUBJECTS[f"{topic.name}-value"] == topic.record.SCHEMA


@pytest.mark.parametrize(
    ("subject", "record"),
    [
        ("playhead.question.asked-value", "QuestionAsked"),
        ("playhead.effect.embedded", "Embedded"),
        ("playhead.table-value", "TableRow"),
    ],
)
def test_subjects_never_change(subject, record):
    # a registry keeps compatibility by subject
    assert SUBJECTS[subject] == record


def test_responses_that_the_log_keeps_stand_beside_the_topics():
    effects = {name: record for name, record in SUBJECTS.items() if ".effect." in name}
    assert sorted(effects.values()) == sorted(record.SCHEMA for record in effect_records())


def test_nothing_is_registered_that_is_no_record_of_ours():
    assert set(SUBJECTS.values()) <= set(schemas.__all__)
    assert len(SUBJECTS) == len(TOPICS) + len(effect_records()) + 1
