"""Entities: what is loaded to find them."""

import subprocess
import sys

import pytest

CODE = """
import sys
from connectors.presidio.detection_task import load
load()
print({"presidio_analyzer", "requests", "typer", "rich", "weasel"} & set(sys.modules))
"""


@pytest.mark.slow  # loads the model
def test_nothing_is_loaded_that_no_text_needs():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
