"""Placed faults: what the engine says of a policy, with the line and column that it does not say.

Its parser reads from left to right, and calls a text that could go on an unexpected end. So the
shortest beginning of a rule of which it says something else ends with the token that is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from agents.policies.deciding import engine
from agents.policies.policy_schema import SCHEMA
from agents.policies.policy_text import PolicyFault, PolicyText, RuleToken, policy_text
from agents.policies.rule_book import loadable, rules_of

Objects = Callable[[str], str]
END = "unexpected end of input"
TOLD_MAX = 5  # faults of one policy, each a rule's first
_QUOTED = re.compile(r"[`']([^`']+)[`']")
_IN_ALL = frozenset({"Action", "principal", "action", "resource", "context", "in", "is", "if"})
_NO_ACTION = "unable to find an applicable action"


def objection(source: str) -> str:
    """Return what the parser says of a rule; empty where it takes it."""
    try:
        engine().PolicySet.from_str(source)
    except (ValueError, UnicodeEncodeError) as error:
        return str(error) or END
    return ""


def hold_valid(text: str, objects: Objects = objection) -> None:
    """Raise PolicyFault for a policy by which nothing can be decided; BeyondMeans for no engine."""
    taken = policy_text(text)
    try:
        rules_of(text)
    except PolicyFault as error:
        place = _unparsed(taken, objects) or _last(taken, str(error))
        raise PolicyFault(f"{place}: {error}" if place else str(error)) from None
    told = engine().validate_policies(text, engine().Schema.from_str(SCHEMA))
    faults = list(_invalid(told.errors, taken))
    if faults:
        more = f" (and {len(faults) - TOLD_MAX} more)" if len(faults) > TOLD_MAX else ""
        raise PolicyFault("; ".join(faults[:TOLD_MAX]) + more)


def hold_loadable(text: str) -> None:
    """Raise PolicyFault for a valid policy with a rule that the engine can't load.

    Each request under such a policy fails. So none may come into force; one that is stays, since
    what gave way to the policy before it would open what nobody reaches now.
    """
    taken = policy_text(text)
    for tokens, rule in zip(taken.rules, rules_of(text), strict=True):
        if not loadable(rule):
            raise PolicyFault(
                f"{taken.place(tokens[0].begin)}: the rule joins more conditions in a row than the "
                "engine takes, some 55: divide it into rules, or join values as in "
                '`["a", "b"].contains(resource.class)`'
            )


def _unparsed(taken: PolicyText, objects: Objects) -> str:
    """Say where the first rule that does not parse goes wrong; empty where each of them parses."""
    for number, tokens in enumerate(taken.rules):
        if said := objects(taken.source(number)):
            if said.startswith(END):
                return taken.place(tokens[-1].end)
            return _at(taken, tokens, said, objects)
    return ""


def _last(taken: PolicyText, said: str) -> str:
    """Say where a name or a slot stands last that a message names; empty where it names none."""
    named = re.search(r"'([^']+)'", said)
    wanted = f'"{named[1]}"' if named else "?"
    places = [token.begin for tokens in taken.rules for token in tokens if token.text == wanted]
    return taken.place(places[-1]) if places else ""


def _at(taken: PolicyText, tokens: Sequence[RuleToken], said: str, objects: Objects) -> str:
    """Find the token that is wrong: by beginnings of the rule, else by what is quoted of it."""
    low, high = 0, len(tokens) - 1
    while low < high:
        middle = (low + high) // 2
        beginning = taken.text[tokens[0].begin : tokens[middle].end]
        told = objects(beginning)
        if not told or told.startswith(END):
            low = middle + 1
        else:
            high = middle
    if low < len(tokens) - 1 and "number too large" not in said:
        return taken.place(tokens[low].begin)
    return taken.place(_quoted(tokens, said).begin)


def _quoted(tokens: Sequence[RuleToken], said: str) -> RuleToken:
    """Find what a message names first, among the tokens of a rule; its first where it names none.

    What each rule has stands for the rule only where nothing else is named.
    """
    parts = [part for one in _QUOTED.findall(said) for part in (one, *re.findall(r"\w+", one))]
    parts += re.findall(r"\w+", said.rpartition(": ")[2])
    named = sorted(
        (one for one in parts if not one.startswith("policy")), key=lambda one: one in _IN_ALL
    )
    if "number too large" in said:
        named = [token.text for token in tokens if token.text.isdigit() and len(token.text) > 18]
    for name in named:
        for token in tokens:
            if token.text in {name, f'"{name}"'}:
                return token
    return tokens[0]


def _invalid(errors: Sequence[object], taken: PolicyText) -> Iterator[str]:
    """Say of each rule that breaks the schema what is wrong first, in the order of the rules."""
    first: dict[int, str] = {}
    for error in errors:
        number = int(str(getattr(error, "policy_id", ""))[6:] or 0)
        said = re.sub(r"^for policy `[^`]*`, ", "", str(getattr(error, "error", error)))
        if number not in first or first[number].startswith(_NO_ACTION):
            first[number] = said
    for number, said in sorted(first.items()):
        token = _quoted(taken.rules[number], said)
        hint = ""
        if "attribute" in said and not any(one.text == "Action" for one in taken.rules[number]):
            hint = ': name the action, such as action == Action::"read"'
        yield f"{taken.place(token.begin)}: {said}{hint}"
