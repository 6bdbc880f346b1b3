"""Held slots: only that of a process of this machine that has ended, which the group still knows, is left."""

import dataclasses
import os
import signal
import subprocess
import sys
import uuid
from contextlib import contextmanager

import pytest
from confluent_kafka import Consumer
from hypothesis import given
from hypothesis import strategies as st

from streams.delivery.held_slots import BOOT, hold_slots
from streams.delivery.slot import Members, instance_of, members_of
from streams.log.offsets import NoAnswer
from streams.settings import Settings

GROUP = "playhead-rewrite"
HOLD = """
import sys
from pathlib import Path
from streams.delivery.held_slots import hold_slots
from streams.settings import Settings
settings = Settings(run=Path(sys.argv[1]), slot="worker-1")
held = hold_slots(settings, ["playhead-rewrite"], lambda *_: {})
held["playhead-rewrite"].note(sys.argv[2])
print("holds", flush=True)
sys.stdin.read()
"""


@contextmanager
def holder(run, member):
    """Hold the slot in a process of its own."""
    command = [sys.executable, "-c", HOLD, str(run), member]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout.readline() == "holds\n"
            yield process
        finally:
            process.kill()


def held_slot(run, *known, **arguments):
    """Hold the slot here, of a group that knows some members."""
    settings = Settings(run=run, slot="worker-1")
    return hold_slots(
        settings, [GROUP], lambda *_: {GROUP: Members(settled=True, members=known)}, **arguments
    )[GROUP]


@pytest.fixture
def dead(tmp_path):
    """Return the run folder of a process that was killed, which its group knew as m-1."""
    with holder(tmp_path, "m-1") as process:
        process.kill()
        process.wait()
    return tmp_path


def test_the_slot_of_a_process_that_was_killed_is_left(dead):
    assert held_slot(dead, "m-0", "m-1").is_left


def test_a_slot_that_nobody_ever_had_is_not(tmp_path):
    assert not held_slot(tmp_path, "m-1").is_left


def test_nor_one_that_the_group_knows_by_another_member(dead):
    assert not held_slot(dead, "m-2").is_left
    assert not held_slot(dead).is_left


@pytest.mark.parametrize("number", [0, signal.SIGSTOP])
def test_nor_one_of_a_process_that_lives_or_stands_still(tmp_path, number):
    with holder(tmp_path, "m-1") as process:
        os.kill(process.pid, number)
        assert not held_slot(tmp_path, "m-1").is_left


def test_who_shares_a_slot_with_a_living_process_notes_nothing(tmp_path):
    with holder(tmp_path, "m-1"):
        second = held_slot(tmp_path)
        second.note("m-2")
        assert not held_slot(tmp_path, "m-1", "m-2").is_left
    del second
    assert held_slot(tmp_path, "m-1").is_left, "of the first, which has ended now"


def test_of_two_that_come_together_the_second_knows_nothing(dead):
    first = held_slot(dead, "m-1")
    assert (first.is_left, held_slot(dead, "m-1").is_left) == (True, False)


def test_a_note_of_before_the_machine_was_started_says_nothing(dead, tmp_path):
    boot = tmp_path / "boot"
    boot.write_text("another one")
    assert not held_slot(dead, "m-1", boot=boot).is_left


def test_what_was_noted_last_counts(tmp_path):
    held = held_slot(tmp_path)
    held.note("a name that is longer than the next one")
    held.note("m-2")
    del held
    assert held_slot(tmp_path, "m-2").is_left


@given(note=st.binary(max_size=300) | st.sampled_from([b"[]", b"7", b'{"boot": 1}', b"[" * 5_000]))
def test_a_note_of_any_bytes_says_nothing(tmp_path_factory, note):
    run = tmp_path_factory.mktemp("run")
    (run / "slots").mkdir()
    (run / "slots" / instance_of(GROUP, "worker-1")).write_bytes(note)
    assert not held_slot(run, "m-1", "").is_left


def test_a_note_without_a_member_is_nobodys(tmp_path):
    (tmp_path / "slots").mkdir()
    note = f'{{"boot": "{BOOT.read_text().strip()}"}}'
    (tmp_path / "slots" / instance_of(GROUP, "worker-1")).write_text(note)
    assert not held_slot(tmp_path, "").is_left


def test_a_broker_that_does_not_answer_leaves_nothing(dead):
    def away(*_):
        raise NoAnswer("away")

    held = hold_slots(Settings(run=dead, slot="worker-1"), [GROUP], away)
    assert not held[GROUP].is_left
    held[GROUP].note("m-3")
    del held
    assert held_slot(dead, "m-3").is_left


def test_a_folder_that_can_t_be_written_holds_up_nothing(tmp_path):
    (tmp_path / "slots").write_text("a file")
    assert not hold_slots(Settings(run=tmp_path, slot="worker-1"), [GROUP])


def test_a_full_disk_holds_up_nothing(tmp_path, monkeypatch):
    held = held_slot(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        held.note("m-1")
    held.note("m-1")
    del held
    assert held_slot(tmp_path, "m-1").is_left


def full(*_):
    raise OSError(28, "No space left on device")


def test_without_a_slot_nothing_is_held(tmp_path):
    assert not hold_slots(Settings(run=tmp_path), [GROUP])
    assert not (tmp_path / "slots").exists()


def test_a_slot_is_a_name_and_no_path(tmp_path):
    assert hold_slots(Settings(run=tmp_path / "run", slot="a/../../../w/1"), [GROUP])
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    [file] = (tmp_path / "run" / "slots").iterdir()
    assert file.is_file()


@pytest.mark.stack
def test_real_groups_know_their_members_by_what_is_noted(lone_broker, tmp_path):
    topic, groups = lone_broker.new_topic(), [uuid.uuid4().hex for _ in range(3)]
    settings = dataclasses.replace(lone_broker.settings, slot="worker-1", run=tmp_path)
    held = hold_slots(settings, groups)
    members = []
    for group in groups[:2]:
        config = {"bootstrap.servers": settings.kafka, "group.id": group}
        members.append(Consumer({**config, "group.instance.id": instance_of(group, "worker-1")}))
        came = []
        members[-1].subscribe([topic], on_assign=lambda *_, came=came: came.append(1))
        while not came:
            members[-1].poll(0.1)
        held[group].note(members[-1].memberid())
    held[groups[2]].note("a member that never was")
    known = {group: len(members_of(settings, groups)[group].members) for group in groups}
    del held
    later = hold_slots(settings, groups)
    for member in members:
        member.close()
    assert known == dict(zip(groups, [1, 1, 0], strict=True))
    assert [later[group].is_left for group in groups] == [True, True, False]
