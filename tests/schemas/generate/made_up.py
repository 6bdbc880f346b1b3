"""Made-up definitions, and the modules that are generated from them, imported for a test."""

import sys
import types
from contextlib import contextmanager

from hypothesis import strategies as st

from schemas.definitions import NAMESPACE, definitions
from schemas.generate import canonical, records, wire

BASE = {name: definitions()[name] for name in ("Cause", "Effect", "StepVersion", "Meta")}
PRIMITIVES = ("string", "bytes", "int", "long", "float", "double", "boolean")
ITEMS = ("string", "bytes", "int", "long", "double", f"{NAMESPACE}.Cause")
TYPES = st.one_of(
    st.sampled_from(PRIMITIVES),
    st.just(f"{NAMESPACE}.Cause"),
    st.just({"type": "long", "logicalType": "timestamp-micros"}),
    st.just({"type": "map", "values": "string"}),
    st.sampled_from([["null", "bytes"], ["null", f"{NAMESPACE}.Cause"]]),
    st.sampled_from(ITEMS).map(lambda items: {"type": "array", "items": items}),
)
# among them every variable of the generated functions
NAMES = st.sampled_from(
    ["a", "b_c", "id", "type", "data", "here", "end", "size", "key", "record", "count", "branch"]
)


def a_definition(name, *fields, doc="A thing.", **more):
    """The definition of a record; a field is (name, type) or (name, type, default)."""
    entries = [
        {
            "name": field,
            "type": kind,
            "doc": "What it is.",
            **({"default": rest[0]} if rest else {}),
        }
        for field, kind, *rest in fields
    ]
    return {
        "type": "record", "name": name, "namespace": NAMESPACE, "doc": doc, "fields": entries, **more,
    }  # fmt: skip


@st.composite
def made_up_definitions(draw):
    names = draw(st.lists(NAMES, unique=True, max_size=6))
    return a_definition("MadeUp", *((name, draw(TYPES)) for name in names))


@contextmanager
def imported(*made_up):
    """The generated types, and their encoding, of the base and of these definitions."""
    every = {**BASE, **{definition["name"]: definition for definition in made_up}}
    types_module, wire_module = (
        types.ModuleType("made_up_records"),
        types.ModuleType("made_up_wire"),
    )
    sys.modules["made_up_records"] = types_module
    try:
        exec(compile(records.text(every), "records.py", "exec"), vars(types_module))
        exec(compile(wire.text(every, "made_up_records"), "wire.py", "exec"), vars(wire_module))
        yield types_module, wire_module
    finally:
        del sys.modules["made_up_records"]


def form_of(types_module, *made_up):
    """What puts records of the module that is imported into their form."""
    every = {**BASE, **{definition["name"]: definition for definition in made_up}}
    module = types.ModuleType("made_up_canonical")
    source = canonical.text(every, types_module.__name__)
    exec(compile(source, "canonical.py", "exec"), vars(module))
    return module.canonical
