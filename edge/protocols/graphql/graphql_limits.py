"""How much one GraphQL operation may ask for: counted on what it says, before anything is done.

Each field costs one; a field that reads the log or asks a model costs more, and a field of a list
as often as the list may have entries. Fragments are counted where they are spread, each once, so
the count is linear in the text, whatever it would unfold to.
"""

from __future__ import annotations

from collections.abc import Iterator

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)
from strawberry.extensions import SchemaExtension

from edge.problems import Problem

QUERY_MAX = 16_384  # characters
TOKENS_MAX = 1_500
NESTED_MAX = 50
"""Brackets within brackets of any kind: the parser goes down with each."""
DEPTH_MAX = 15  # of fields; what tools ask to learn the schema has 13
ALIASES_MAX = 30
COST_MAX = 2_000
ENTRIES_MAX = 100  # of a list whose length is given by a variable
READS_LOG = 20
COSTS = {
    "answer": READS_LOG,
    "question": 5,  # where it lies is known
    "timeline": READS_LOG,
    "documentText": 5 * READS_LOG,
    "ask": 10 * READS_LOG,
    "search": 10 * READS_LOG,
    "submitDocument": 5 * READS_LOG,
}
LENGTHS = {"sessions": 20, "messages": 20, "documents": 100}
"""Entries of a list unless `first` says otherwise; a search's passages are counted by their k."""
OPEN, CLOSED = "{[(", "}])"
REFUSED = parse("{ __typename }")


def check_text(query: str) -> None:
    """Refuse a text that is too much to parse; raises Problem."""
    if len(query) > QUERY_MAX:
        raise Problem(
            413,
            "too-large",
            f"the query has {len(query)} characters, the limit is {QUERY_MAX}: hand values over "
            "as variables",
        )
    depth = 0
    for one in query:
        depth += (one in OPEN) - (one in CLOSED)
        if depth > NESTED_MAX:
            raise too_complex(f"brackets lie more than {NESTED_MAX} deep within each other")


def too_complex(why: str) -> Problem:
    """Say that an operation asks for too much."""
    return Problem(422, "too-complex", f"{why}: ask for less at once")


class OperationWeight:
    """What an operation asks for, counted."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            one.name.value: one
            for one in document.definitions
            if isinstance(one, FragmentDefinitionNode)
        }
        self._known: dict[str, tuple[int, int, int]] = {}
        self._open: set[str] = set()
        operations = [
            one for one in document.definitions if isinstance(one, OperationDefinitionNode)
        ]
        counted = [self._of(one.selection_set) for one in operations] or [(0, 0, 0)]
        # each operation of a document might be the one that is meant
        self.cost, self.depth, self.aliases = (max(one) for one in zip(*counted, strict=True))

    def _of(self, selections: SelectionSetNode | None) -> tuple[int, int, int]:
        """Return cost, depth and aliases of what is selected; raises Problem for a circle."""
        cost = depth = aliases = 0
        for one in selections.selections if selections else ():
            if isinstance(one, FragmentSpreadNode):
                inner = self._spread(one.name.value)
            elif isinstance(one, FieldNode):
                inner = self._field(one)
            else:
                inner = self._of(one.selection_set)  # type: ignore[attr-defined]
            cost += inner[0]
            depth = max(depth, inner[1])
            aliases += inner[2]
        return cost, depth, aliases

    def _field(self, field: FieldNode) -> tuple[int, int, int]:
        cost, depth, aliases = self._of(field.selection_set)
        name = field.name.value
        own = COSTS.get(name, 1) + cost * _entries(field)
        return own, depth + 1, aliases + (field.alias is not None)

    def _spread(self, name: str) -> tuple[int, int, int]:
        if name in self._open:
            raise too_complex(f"the fragment {name[:64]} spreads itself")
        fragment = self._fragments.get(name)
        if fragment is None:
            return 0, 0, 0  # the validation says which there is not
        if name not in self._known:
            self._open.add(name)
            self._known[name] = self._of(fragment.selection_set)
            self._open.remove(name)
        return self._known[name]


def _entries(field: FieldNode) -> int:
    """Return how often what is asked of a field may be there."""
    name = field.name.value
    if name not in LENGTHS:
        return 1
    for argument in field.arguments or ():
        if argument.name.value == "first":
            value = argument.value
            # one below nothing is refused later, and must not pay for the rest until then
            return max(0, int(value.value[:9])) if isinstance(value, IntValueNode) else ENTRIES_MAX
    return LENGTHS[name]


def check_weight(document: DocumentNode) -> None:
    """Refuse an operation that asks for too much; raises Problem."""
    weight = OperationWeight(document)
    for what, found, most in (
        ("depth", weight.depth, DEPTH_MAX),
        ("aliases", weight.aliases, ALIASES_MAX),
        ("cost", weight.cost, COST_MAX),
    ):
        if found > most:
            raise too_complex(f"the operation's {what} is {found}, the limit is {most}")


def check_name(document: DocumentNode, name: str | None) -> None:
    """Refuse several operations of which none is named: the library would run the first."""
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if len(operations) > 1 and not name:
        raise Problem(400, "bad-operation", "operationName: name one of the operations")


class OperationLimits(SchemaExtension):
    """Holds an operation to the limits: while it is parsed, and before it is validated."""

    def on_operation(self) -> Iterator[None]:
        """Bound the parser."""
        self.execution_context.parse_options["max_tokens"] = TOKENS_MAX
        yield

    def on_parse(self) -> Iterator[None]:
        """Check the text before, and what it asks for after."""
        context = self.execution_context
        try:
            check_text(context.query or "")
        except Problem as problem:
            # a document that stands for one that nobody looks at
            context.graphql_document, context._provided_operation_name = REFUSED, None  # noqa: SLF001
            context.pre_execution_errors = [GraphQLError(problem.detail, original_error=problem)]
            yield
            return
        yield
        document = context.graphql_document
        if document is None:
            return
        try:
            # the one place where the library keeps what was sent
            check_name(document, context._provided_operation_name)  # noqa: SLF001
            check_weight(document)
        except Problem as problem:
            context.pre_execution_errors = [GraphQLError(problem.detail, original_error=problem)]
