"""What `playhead tune --apply` puts in force, by the log."""

import json

import pytest

from evals.judged_rows import write_judged
from replay.configurations import Configurations
from replay.log import BrokerLog
from replay.recorded import Contradiction
from streams.log.chosen_model import in_force
from streams.log.codec import Codec
from tests.evals.test_tuning import JUDGED

pytestmark = pytest.mark.stack


def test_a_new_configuration_is_in_force_only_once_it_is_applied(running, tmp_path):
    write_judged(tmp_path, JUDGED)
    made = json.loads(running.playhead("tune", "--data", str(tmp_path), "--json").stdout)
    [digest] = made["configurations"].values()

    def found():
        log = BrokerLog(running.settings)
        try:
            configurations = Configurations(log, Codec(log.ids))
            assert configurations.faults == []
            return configurations.values(digest)
        finally:
            log.close()

    with pytest.raises(Contradiction, match="is not on"):
        found()
    done = running.playhead("tune", "--data", str(tmp_path), "--apply", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["applied"]
    values = found()
    before = in_force(running.settings)["redact"].values
    assert values["classifier"]["heads"]["harm"] > before["classifier"]["heads"]["harm"]
    assert {**values, "classifier": before["classifier"]} == before
    try:
        in_force_now = running.playhead("config", "show", "redact").stdout
        assert json.loads(in_force_now) == values
        again = running.playhead("tune", "--data", str(tmp_path), "--apply", "--json")
        assert json.loads(again.stdout)["configurations"] == {}
    finally:
        undone = running.playhead("config", "roll-back", "redact")
    assert undone.returncode == 0, undone.stderr
    assert json.loads(running.playhead("config", "show", "redact").stdout) == before
