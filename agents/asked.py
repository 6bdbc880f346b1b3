"""Asked: what a question asks for beside its text, held to bounds where no edge has looked at it.

The edge refuses what is too much, with words. Who writes to a topic without it gets a dead letter
with the same kind of words, instead of an error out of some reader's depths or a query that no
index finishes.
"""

from collections.abc import Callable, Mapping

from agents.errors import Permanent
from agents.json_texts import levels
from agents.schema_work import schema_work
from schemas import Ask

SIZES: dict[str, tuple[str, Callable[[Ask], int]]] = {
    "filters": ("filters", lambda ask: len(ask.filters)),
    "groups": ("groups", lambda ask: len(ask.groups)),
    "tokens": ("tokens of an answer", lambda ask: ask.max_tokens),
    "schema_characters": (
        "characters of a response schema",
        lambda ask: len(ask.response_schema),
    ),
    "schema_levels": ("levels of a response schema", lambda ask: levels(ask.response_schema)),
    "schema_work": (
        "values, repeated items and repeated characters of patterns in a response schema",
        lambda ask: schema_work(ask.response_schema),
    ),
    "tool_characters": ("characters of tools", lambda ask: len(ask.tools)),
    "tool_levels": ("levels of tools", lambda ask: levels(ask.tools)),
    "tool_work": (
        "values, repeated items and repeated characters of patterns in tools",
        lambda ask: schema_work(ask.tools),
    ),
}
"""What has a bound: its name in a configuration, its name in words, and how it is counted."""


def hold_to_bounds(ask: Ask, largest: Mapping[str, int]) -> None:
    """Raise Permanent that names the first bound that is exceeded; `largest` lists those in force.

    Configurations of 0.1.0 have none: what was answered under them is answered at a replay.
    """
    for name, bound in largest.items():
        if name not in SIZES:
            raise Permanent(
                f"the step's configuration bounds asked_max.{name}, which is nothing that is asked "
                f"for: name one of {', '.join(SIZES)}"
            )
        words, size_of = SIZES[name]
        if (size := size_of(ask)) > bound:
            raise Permanent(
                f"a question asks for {size} {words}, at most {bound} are taken: ask for less, "
                f"or raise asked_max.{name} in the step's configuration"
            )
