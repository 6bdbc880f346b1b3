"""A topic is compacted alone again, wherever the process ended that dropped records of it."""

from types import SimpleNamespace

import pytest

from replay.importing.dropping import BOTH, COMPACTED, drop_before, put_back

TOPIC = "playhead.configuration.set"


class Killed(BaseException):
    """The process ends here, and does nothing more."""


class FakeAdmin:
    """A broker's one topic; a process that was killed at its nth call makes no further one."""

    def __init__(self, policy, killed_at=None):
        self.policies, self.begin, self.killed_at, self.calls = [policy], 0, killed_at, 0

    def _answer(self, key, value=None):
        self.calls += 1
        if self.killed_at is not None and self.calls >= self.killed_at:
            raise Killed
        return {key: SimpleNamespace(result=lambda _: value)}

    def describe_configs(self, resources, **_):
        entry = SimpleNamespace(name="cleanup.policy", value=self.policies[-1])
        return self._answer(resources[0], {entry.name: entry})

    def incremental_alter_configs(self, resources):
        [resource] = resources
        self.policies.append(resource.incremental_configs[0].value)
        return self._answer(resource)

    def delete_records(self, places):
        assert self.policies[-1] != COMPACTED, "no broker does that"
        self.begin = places[0].offset
        return self._answer(places[0])


@pytest.mark.parametrize("policy", [COMPACTED, "delete"])
@pytest.mark.parametrize("killed_at", [None, 1, 2, 3, 4])
def test_wherever_it_ends_the_next_import_leaves_a_topic_as_it_must_be(policy, killed_at):
    admin = FakeAdmin(policy, killed_at)
    if killed_at is None or (policy == "delete" and killed_at > 2):
        drop_before(admin, TOPIC, 0, 5)
    else:
        with pytest.raises(Killed):
            drop_before(admin, TOPIC, 0, 5)
    admin.killed_at = None
    put_back(admin, [TOPIC])
    drop_before(admin, TOPIC, 0, 5)
    assert (admin.policies[-1], admin.begin) == (policy, 5)


@pytest.mark.parametrize("policy", [BOTH, "delete,compact", COMPACTED, "delete"])
def test_what_is_not_both_is_left_as_it_is(policy):
    admin = FakeAdmin(policy)
    put_back(admin, [TOPIC])
    put_back(admin, [])
    assert admin.policies == [policy, *([COMPACTED] if "," in policy else [])]
