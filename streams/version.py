"""Version of the code that runs, as it stands in every record."""

from importlib.metadata import PackageNotFoundError, version

try:
    CODE = version("playhead")
except PackageNotFoundError:  # a checkout on the path, not installed
    CODE = "0+unknown"
