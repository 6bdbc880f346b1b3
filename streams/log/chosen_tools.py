"""The tools of tenants: tools.json of whoever runs the platform, laid over what is shipped.

    {"hosts": [{"origin": "https://api.example.com:443", "credential": "env:WEATHER_KEY"}],
     "tenants": {"acme": {"use": ["weather"], "interfaces": [{"file": "weather.json"}]}}}

It becomes part of the configuration of generate, which goes to the log by its digest: an auditor
reads there which tools a tenant had, and a replay needs no file. Credentials are named, never held.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agents.errors import Permanent
from agents.tools.openapi import operations_of
from agents.tools.tool_policy import BUILT_IN, tool_policy_of
from streams.settings import BadSetting, Settings

BYTES_MAX = 1_048_576  # of each file: a configuration is read for every question
KEYS = ("limits", "hosts", "tenants")


def with_tools(values: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Return the values of generate with the tools of tools.json; raises BadSetting."""
    path = Path(settings.tools) if settings.tools else settings.run / "tools.json"
    chosen = _read(path, must=bool(settings.tools))
    if chosen is None:
        return dict(values)
    if unknown := sorted(set(chosen) - set(KEYS)):
        raise BadSetting(f"{path}: {unknown[0]!r} is none of {', '.join(KEYS)}")
    shipped = values.get("tools", {})
    merged = {
        **shipped,
        "limits": {**shipped.get("limits", {}), **_object(path, chosen, "limits")},
        "hosts": chosen.get("hosts", shipped.get("hosts", [])),
        "tenants": {
            **shipped.get("tenants", {}),
            **{
                name: _with_files(path, tenant)
                for name, tenant in _object(path, chosen, "tenants").items()
            },
        },
    }
    _check(path, merged)
    return {**values, "tools": merged}


def _with_files(path: Path, tenant: Any) -> Any:
    """Read the interfaces that are named by their files, beside tools.json."""
    if not isinstance(tenant, dict) or not isinstance(tenant.get("interfaces"), list):
        return tenant
    interfaces = [
        _read(path.parent / str(one["file"]), must=True)
        if isinstance(one, dict) and set(one) == {"file"}
        else one
        for one in tenant["interfaces"]
    ]
    return {**tenant, "interfaces": interfaces}


def _object(path: Path, chosen: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = chosen.get(name, {})
    if not isinstance(value, dict):
        raise BadSetting(f"{path}: {name} must be an object")
    return value


def _read(path: Path, *, must: bool) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            content = file.read(BYTES_MAX + 1)
    except FileNotFoundError:
        if must:
            raise BadSetting(f"{path}: there is no such file, and it is named as one") from None
        return None
    except OSError as error:
        raise BadSetting(f"{path} can't be read: {error.strerror}") from None
    if len(content) > BYTES_MAX:
        raise BadSetting(f"{path} has more than {BYTES_MAX:,} bytes")
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise BadSetting(f"{path} is no JSON: write an interface of YAML as JSON") from None
    if not isinstance(value, dict):
        raise BadSetting(f"{path} must hold a JSON object")
    return value


def _check(path: Path, merged: Mapping[str, Any]) -> None:
    """Read it as the step will, so that what is wrong is said now; raises BadSetting."""
    try:
        policy = tool_policy_of(merged)
        for name, tenant in (policy.tenants if policy else {}).items():
            named = [one for one in tenant.use if one not in BUILT_IN]
            found = [
                operation
                for interface in tenant.interfaces
                for operation in operations_of(interface, named)
            ]
            for operation in found:
                if policy and policy.host(operation.origin) is None:
                    raise BadSetting(
                        f"{path}: {name} uses {operation.name} at {operation.origin}, which is not "
                        "among the hosts"
                    )
            names = [operation.name for operation in found]
            if wrong := [one for one in named if names.count(one) != 1]:
                count = names.count(wrong[0])
                raise BadSetting(
                    f"{path}: {name} uses {wrong[0]}, which {count or 'none'} of its operations "
                    f"{'are' if count else 'is'} called"
                )
    except Permanent as error:
        raise BadSetting(f"{path}: {error}") from None
