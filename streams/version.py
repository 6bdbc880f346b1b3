"""Versions of what runs, as they stand on the log."""

import platform
import unicodedata
from importlib.metadata import PackageNotFoundError, version

CODE = "0.2.0.dev8"
"""Of the code: it rises when an outcome of a step changes (`agents.changes`).

It stands here, and in pyproject.toml, because what is installed may be older than what runs.
"""

RUNTIME = (
    f"python {platform.python_version()}, unicode {unicodedata.unidata_version}, "
    f"regex {version('regex')}, jsonschema {version('jsonschema')}, "
    f"google-re2 {version('google-re2')}"
)
"""What decides, beside the code, on what a step makes of its input and its effects."""


def _engine() -> str:
    """Name the engine that policies are decided by; nothing where it is not installed."""
    try:
        return f", cedarpy {version('cedarpy')}"
    except PackageNotFoundError:
        return ""


RUNTIME_WITH_POLICY = RUNTIME + _engine()
"""The same where a policy is in force, by which no other step decides."""
