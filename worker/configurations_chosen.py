"""Configurations chosen: a worker works by what the log chose, from its first run on."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial

from schemas.registry import SchemaIds
from streams.log.chosen_model import STEP as MODEL_STEP
from streams.log.chosen_model import in_force
from streams.log.codec import Codec
from streams.log.configuration import Configuration
from streams.log.configuration_log import ConfigurationLog
from streams.log.configuration_watch import ConfigurationsInForce, ConfigurationWatch
from streams.settings import Settings
from streams.watching.logs import logger

log = logger("worker")


def followed(settings: Settings, ids: SchemaIds) -> ConfigurationsInForce:
    """Return the configurations in force, which follow the log from now on.

    Blocks until the log answers. The thread that follows it ends with the process.
    """
    configurations = ConfigurationsInForce(in_force(settings))
    watch = ConfigurationWatch(partial(ConfigurationLog, settings, Codec(ids)), configurations)
    watch.first()
    _tell_of_a_model_without_effect(settings, configurations)
    threading.Thread(
        target=watch.on, args=(threading.Event(),), name="configurations", daemon=True
    ).start()
    return configurations


def _tell_of_a_model_without_effect(
    settings: Settings, configurations: Mapping[str, Configuration]
) -> None:
    """Say that a chat model of the settings is not asked, where a choice has other routes."""
    own = in_force(settings)[MODEL_STEP]
    if (settings.chat_model or settings.chat_trust) and configurations[MODEL_STEP] != own:
        log.warning(
            "the chat model of the settings has no effect: another configuration was chosen",
            of=MODEL_STEP,
            digest=configurations[MODEL_STEP].digest,
            do="playhead config diff generate shipped; playhead config roll-back --to shipped",
        )
