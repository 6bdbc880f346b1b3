"""What a worker says of the choices that it follows."""

import pytest
from structlog.testing import capture_logs

from schemas import ConfigurationActivated
from streams.log.activations import Activations, ConfigurationChoice
from streams.log.chosen_model import in_force
from streams.log.configuration_log import activation
from streams.log.configuration_watch import ConfigurationsInForce
from streams.settings import Settings
from tests.streams.log.memory_choices import BRIEF, STEP
from worker.configurations_chosen import _tell_of_a_model_without_effect


@pytest.mark.parametrize(("chosen", "told"), [(BRIEF, 1), (None, 0)])
def test_a_chat_model_that_has_no_effect_is_told(chosen, told):
    settings = Settings(chat_model="/models/mine.gguf")
    configurations = ConfigurationsInForce(in_force(settings))
    if chosen is not None:
        record = activation(ConfigurationActivated(step=STEP, digest=chosen.digest), "x")
        history = (ConfigurationChoice(0, record),)
        configurations.take(Activations(history, {chosen.digest: chosen}))
    with capture_logs() as logged:
        _tell_of_a_model_without_effect(settings, configurations)
    assert str(logged).count("has no effect") == told
