"""A process works by what the log says, from the first look on and without a restart."""

import threading
import time

import pytest
from structlog.testing import capture_logs

from streams.log.activations import SHIPPED, ConfigurationChoice
from streams.log.configuration_watch import (
    AGAIN_MAX,
    ConfigurationsFollowed,
    ConfigurationsInForce,
    ConfigurationWatch,
)
from tests.streams.log.memory_choices import BRIEF, OURS, STEP, MemoryChoices, choice


@pytest.fixture
def choices():
    return MemoryChoices()


@pytest.fixture
def configurations():
    return ConfigurationsInForce(OURS)


@pytest.fixture
def watch(choices, configurations):
    return ConfigurationWatch(lambda: choices, configurations)


def test_a_log_without_choices_leaves_what_is_shipped(watch, configurations):
    watch.first()
    assert dict(configurations) == dict(OURS)
    assert len(configurations) == len(OURS)


def test_a_choice_is_in_force_after_the_next_look(watch, choices, configurations):
    watch.first()
    choices.history.append(choice(0, BRIEF.digest))
    assert configurations[STEP] == OURS[STEP]
    watch.look()
    assert configurations[STEP] == BRIEF
    choices.history.append(choice(1, SHIPPED))
    watch.look()
    assert configurations[STEP] == OURS[STEP]


def test_nothing_is_read_while_nothing_comes(watch, choices):
    watch.first()
    watch.look()
    watch.look()
    assert choices.reads == 1


def test_the_first_look_waits_for_a_log_that_is_away(watch, choices, configurations):
    choices.history.append(choice(0, BRIEF.digest))
    choices.away = 2
    watch.first(pause_s=0.0)
    assert choices.away == 0
    assert configurations[STEP] == BRIEF


def test_what_is_in_force_stays_so_while_the_log_is_away(watch, choices, configurations):
    choices.history.append(choice(0, BRIEF.digest))
    watch.first()
    choices.away = 1
    with pytest.raises(TimeoutError):
        watch.look()
    assert configurations[STEP] == BRIEF


def test_what_is_ignored_is_told_once_and_changes_nothing(watch, choices, configurations):
    choices.history.append(choice(0, BRIEF.digest))
    watch.first()
    choices.history.append(ConfigurationChoice(1, None, "it is no record"))
    with capture_logs() as logged:
        watch.look()
        choices.history.append(choice(2, BRIEF.digest))
        watch.look()
    assert configurations[STEP] == BRIEF
    assert str(logged).count("it is no record") == 1


def test_a_log_that_began_anew_is_told_of_anew(watch, choices, configurations):
    choices.history = [choice(0, BRIEF.digest), ConfigurationChoice(1, None, "it is no record")]
    with capture_logs() as logged:
        watch.first()
        choices.history = [ConfigurationChoice(0, None, "it is no record")]
        watch.look()
        choices.history.append(ConfigurationChoice(1, None, "it is no record"))
        watch.look()
    assert configurations[STEP] == OURS[STEP]
    assert str(logged).count("it is no record") >= 2


def test_it_looks_on_in_a_thread_until_it_is_stopped_though_the_log_is_away(
    watch, choices, configurations
):
    watch.first()
    choices.away = 2
    choices.history.append(choice(0, BRIEF.digest))
    stop = threading.Event()
    thread = threading.Thread(target=watch.on, args=(stop, 0.001))
    thread.start()
    deadline = time.monotonic() + 30
    while configurations[STEP] != BRIEF and time.monotonic() < deadline:
        time.sleep(0.001)
    stop.set()
    thread.join(60)
    assert configurations[STEP] == BRIEF
    assert not thread.is_alive()


def test_a_choice_whose_schema_is_known_late_is_followed(watch, choices, configurations):
    choices.history = [ConfigurationChoice(0, None, "it is no record: unknown schema")]
    watch.first()
    watch.look()
    choices.history = [choice(0, BRIEF.digest)]
    watch.look()
    assert configurations[STEP] == BRIEF


def test_what_stays_no_record_is_not_read_for_ever(watch, choices):
    choices.history = [ConfigurationChoice(0, None, "it is no record")]
    for _ in range(3 * AGAIN_MAX):
        watch.look()
    assert choices.reads == AGAIN_MAX + 1
    choices.history.append(choice(1, BRIEF.digest))
    watch.look()
    watch.look()
    assert choices.reads == AGAIN_MAX + 2


def test_a_record_that_is_none_is_one_line_of_warning_and_what_comes_after_it_counts(
    watch, choices, configurations
):
    choices.history = [ConfigurationChoice(0, None, "it is no record"), choice(1, BRIEF.digest)]
    with capture_logs() as logged:
        for _ in range(3):
            watch.look()
    assert configurations[STEP] == BRIEF
    told = [(line["log_level"], line["offset"]) for line in logged if "offset" in line]
    assert told == [("warning", 0)]


def test_a_process_that_serves_already_follows_once_the_log_answers(watch, choices, configurations):
    choices.away = 1
    choices.history.append(choice(0, BRIEF.digest))
    followed = ConfigurationsFollowed(watch)
    assert (followed.ready, configurations[STEP]) == (False, OURS[STEP])
    watch.first(pause_s=0.0)  # what its thread does
    followed.start()
    deadline = time.monotonic() + 30
    while not followed.ready and time.monotonic() < deadline:
        time.sleep(0.001)
    assert (followed.ready, configurations[STEP]) == (True, BRIEF)
    followed.stop()
    followed._thread.join(60)
    assert not followed._thread.is_alive()
    assert choices.closed


def test_who_is_stopped_before_the_log_answers_ends(watch, choices):
    choices.away = 1_000_000
    followed = ConfigurationsFollowed(watch)
    followed.start()
    followed.stop()
    followed._thread.join(60)
    assert not followed._thread.is_alive()
