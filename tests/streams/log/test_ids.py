import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.log.ids import NAMESPACE, document_id, outcome_id, position_id, request_id

texts = st.text(max_size=40)


@given(texts, st.text(max_size=10), st.integers(0, 10**6))
def test_an_outcomes_id_is_the_uuid_that_the_standard_library_gives(cause, step, ordinal):
    expected = uuid.uuid5(NAMESPACE, f"{cause}|{step}|{ordinal}")
    assert outcome_id(cause, step, ordinal) == str(expected)
    assert uuid.UUID(outcome_id(cause, step, ordinal)).variant == uuid.RFC_4122


def test_equal_fingerprints_of_a_tenant_are_one_request():
    assert request_id("acme", "key") == request_id("acme", "key") != request_id("birch", "key")


@given(texts, texts)
def test_what_has_one_name_in_two_roles_has_two_ids(tenant, name):
    ids = {
        request_id(tenant, name),
        document_id(tenant, name),
        position_id(tenant, 0, 0),
        outcome_id(tenant, name, 0),
    }
    assert len(ids) == 4


@pytest.mark.parametrize(
    ("spelled", "id_"),
    [
        (outcome_id("c", "embed", 0), "c1c28b26-7c21-51e9-92a7-69aef24b34c6"),
        (request_id("acme", "key"), "6f33c65a-a983-5a75-be2a-d4398edeaeff"),
        (document_id("acme", "guide.md"), "8e8fb902-1cc1-58f8-bb5e-580f8d608327"),
        (position_id("playhead.question.asked", 3, 41), "3aa35189-8a6d-5cd4-bb85-e044be2d79b8"),
    ],
)
def test_ids_never_change(spelled, id_):
    # they stand on disk, and a repeat is recognised by them
    assert spelled == id_
