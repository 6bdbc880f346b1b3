"""The configuration that is in force here: the files', with the chat model that the user chose.

The shipped chat model is too small to be asked for prose. Whoever brings a file of their own
(`PLAYHEAD_CHAT_MODEL`) wants to read what it says: its route is trusted to phrase answers, each
sentence of which is checked, and bears the file's name, so that the answer's record and `playhead
routes explain` tell it. It is an ordinary configuration, with a digest of its own on the log: a
replay needs neither the variable nor the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streams.log.chosen_tools import with_tools
from streams.log.configuration import Configuration, configuration, load
from streams.settings import Settings

STEP = "generate"
MODEL = "chat"
"""Triton's name of the model that the file takes the place of."""
NAME_MAX = 100
_UNNAMEABLE = re.compile(r"[^A-Za-z0-9.-]+")


def in_force(settings: Settings) -> dict[str, Configuration]:
    """Return the configuration of every step, as a process with these settings works by it."""
    configured = load()
    values = with_tools(configured[STEP].values, settings)
    if settings.chat_model or settings.chat_trust:
        values = {**values, "routes": _chosen(values["routes"], settings)}
    return {**configured, STEP: configuration(STEP, values)}


def route_name(file: str) -> str:
    """Name a route by a model's file."""
    return _UNNAMEABLE.sub("-", Path(file).stem).strip("-.")[:NAME_MAX] or MODEL


def _chosen(routes: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    names = {one["name"]: route_name(settings.chat_model) for one in routes["routes"] if _ours(one)}
    taken = {one["name"] for one in routes["routes"]}
    if not settings.chat_model or len(names) != 1 or taken & set(names.values()):
        names = {}  # one name for one route
    trust = settings.chat_trust or "phrase"
    trusted = [{**one, "trust": trust} if _ours(one) else one for one in routes["routes"]]
    contracts = {
        tenant: _renamed(contract, "routes", names)
        for tenant, contract in routes.get("contracts", {}).items()
    }
    return {
        **routes,
        "routes": [_renamed_route(one, names) for one in trusted],
        "contracts": contracts,
    }


def _ours(route: Mapping[str, Any]) -> bool:
    return route["model"] == MODEL and not route.get("provider")


def _renamed_route(route: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Give a route, and those that it names, their new names."""
    renamed = _renamed(
        {**route, "name": names.get(route["name"], route["name"])}, "fallbacks", names
    )
    if trial := renamed.get("canary"):
        renamed["canary"] = {**trial, "of": names.get(trial["of"], trial["of"])}
    return renamed


def _renamed(entry: dict[str, Any], key: str, names: Mapping[str, str]) -> dict[str, Any]:
    named = entry.get(key)
    return {**entry, key: [names.get(name, name) for name in named]} if named else dict(entry)
