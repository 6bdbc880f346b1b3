"""What a class of the bench is called stands for nothing else in the repository."""

import ast
from collections import Counter

import pytest

from tests.house import PACKAGES, ROOT, product_files

RECORDS = ROOT / "schemas/records.py"


def classes_of(*files):
    """Return the names of the classes of a module's outermost level, as often as they are given."""
    return Counter(
        node.name
        for file in files
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    )


OF_THE_BENCH = classes_of(*product_files("bench"))
ELSEWHERE = classes_of(
    RECORDS, *(file for name in PACKAGES if name != "bench" for file in product_files(name))
)


@pytest.mark.parametrize("name", sorted(OF_THE_BENCH))
def test_a_class_has_a_name_of_its_own(name):
    assert OF_THE_BENCH[name] == 1
    assert name not in ELSEWHERE


def test_classes_are_found_where_they_are():
    assert {"Drive", "Ends", "MeasurementFailed"} < set(OF_THE_BENCH)
    assert {"Turn", "Failed", "RequestBuilder", "Stack"} < set(ELSEWHERE)
