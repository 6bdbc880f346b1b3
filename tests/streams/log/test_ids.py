import uuid

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.log.ids import NAMESPACE, outcome_id, request_id


@settings(deadline=None)
@given(st.text(max_size=40), st.text(max_size=10), st.integers(0, 10**6))
def test_an_outcomes_id_is_the_uuid_that_the_standard_library_gives(cause, step, ordinal):
    expected = uuid.uuid5(NAMESPACE, f"{cause}|{step}|{ordinal}")
    assert outcome_id(cause, step, ordinal) == str(expected)
    assert uuid.UUID(outcome_id(cause, step, ordinal)).variant == uuid.RFC_4122


def test_equal_fingerprints_of_a_tenant_are_one_request():
    assert request_id("acme", "key") == request_id("acme", "key") != request_id("birch", "key")
