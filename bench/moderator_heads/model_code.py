"""The code of the Triton model, as a library: texts must look the same in training and in use."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import infra

MODELS = Path(infra.__file__).parent / "triton" / "models"
WEIGHTS = MODELS / "moderator" / "1" / "heads.npz"


def module(model: str, name: str) -> Any:
    """Import a module of a model's folder, under the name that the model knows it by."""
    folder = str(MODELS / model / "1")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)
