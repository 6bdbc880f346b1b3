"""A part: one thing that components are made of, at one version, in one folder.

    <cache>/playhead/parts/<name>-<version>-<digest of the recipe>/

Equal recipes make equal parts, so a part that exists is the right one, and is never changed.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.parts.shell import Say, Shell
from infra.parts.system import Tool


@dataclass(frozen=True)
class Workshop:
    """Where one part is made."""

    target: Path  # an empty folder, renamed to the part's place when it is whole
    shell: Shell
    say: Say
    places: Mapping[str, Path] = field(default_factory=dict)  # of the parts that this one needs


@dataclass(frozen=True)
class Part:
    """How to make one part: `build` fills an empty folder and raises where it can't."""

    name: str
    version: str
    recipe: str  # a digest of what it is made from
    build: Callable[[Workshop], None] = field(repr=False)
    typical_s: int = 1  # on 2 cores with a fast network, for the estimate on the terminal
    peak_mb: int = 0  # of disk, while it is made
    tools: tuple[Tool, ...] = ()  # what the machine must bring along
    needs: tuple["Part", ...] = ()  # must be there before this one is made, and whenever it runs
    of_the_machine: Path | None = None  # where the machine has one of its own, that is good

    @property
    def place(self) -> Path:
        """The part's folder, whether it exists or not."""
        return self.of_the_machine or parts_folder() / f"{self.name}-{self.version}-{self.recipe}"

    @property
    def present(self) -> bool:
        """Whether it is there."""
        return self.place.is_dir()


def parts_folder() -> Path:
    """Return where parts are kept: under XDG_CACHE_HOME, or ~/.cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache).absolute() / "playhead" / "parts"


def digest(*ingredients: bytes | str) -> str:
    """Name a recipe in 12 hex digits by what goes into it."""
    recipe = hashlib.sha256()
    for ingredient in ingredients:
        recipe.update(ingredient.encode() if isinstance(ingredient, str) else ingredient)
        recipe.update(b"\0")
    return recipe.hexdigest()[:12]
