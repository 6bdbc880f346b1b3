"""Values of every Avro type that our definitions use, and records of every kind."""

from hypothesis import strategies as st

import schemas
from schemas.binary import KEPT
from schemas.definitions import NAMESPACE, definitions

LONGS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-200, 200),
    st.integers(KEPT - 2, KEPT + 2),
    st.sampled_from(
        [sign * 2**bits - low for sign in (1, -1) for bits in range(62) for low in (0, 1)]
    ),
)
TEXTS = st.one_of(st.text(max_size=5), st.integers(60, 70).map(lambda size: "é" * size))
PRIMITIVES = {
    "string": TEXTS,
    "bytes": st.one_of(st.binary(max_size=5), st.just(b"x" * 9_000)),
    "int": LONGS.filter(lambda value: -(2**31) <= value < 2**31),
    "long": LONGS,
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "boolean": st.booleans(),
}


def values(schema, records=schemas):
    """A strategy of the values that a field may hold; `records` holds the types of records."""
    match schema:
        case ["null", branch]:
            return st.none() | values(branch, records)
        case {"type": "array", "items": items}:
            return st.lists(values(items, records), max_size=3).map(tuple)
        case {"type": "map"}:
            return st.dictionaries(TEXTS, TEXTS, max_size=3)
        case {"type": str() as primitive}:
            return PRIMITIVES[primitive]
        case str() if schema.startswith(f"{NAMESPACE}."):
            return records_of(definitions()[schema.removeprefix(f"{NAMESPACE}.")], records)
    return PRIMITIVES[schema]


def records_of(definition, records=schemas):
    """A strategy of records of a type."""
    fields = {field["name"]: values(field["type"], records) for field in definition["fields"]}
    return st.builds(getattr(records, definition["name"]), **fields)


ANY_RECORD = st.sampled_from(sorted(definitions())).flatmap(
    lambda name: records_of(definitions()[name])
)
