"""Versions of what runs, as they stand on the log."""

import platform
import unicodedata
from importlib.metadata import PackageNotFoundError, version

try:
    CODE = version("playhead")
except PackageNotFoundError:  # a checkout on the path, not installed
    CODE = "0+unknown"

RUNTIME = (
    f"python {platform.python_version()}, unicode {unicodedata.unidata_version}, "
    f"regex {version('regex')}"
)
"""What decides, beside the code, on what a step makes of its input and its effects."""
