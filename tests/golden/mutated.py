"""A plugin of pytest: the tests of this process see a mutant in the place of a file."""

import json
import os
from pathlib import Path

from tests.golden.mutant_runs import MUTANT, install

install(**json.loads(Path(os.environ[MUTANT]).read_text()))
