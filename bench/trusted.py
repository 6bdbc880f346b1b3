"""The configuration that is measured: a model is trusted with prose, since it is what costs time.

As it is shipped, passages are quoted and no model is asked (docs/decisions).
"""

from __future__ import annotations

from streams.log.configuration import Configuration, configuration, load


def trusting() -> dict[str, Configuration]:
    """Return the configuration of every step, with each route trusted to phrase its answers."""
    configured = load()
    values = configured["generate"].values
    for route in values["routes"]["routes"]:
        route["trust"] = "phrase"
    return {**configured, "generate": configuration("generate", values)}
