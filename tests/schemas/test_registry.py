import pytest

from schemas.registry import Registry, RegistryAway


def test_a_registry_that_does_not_answer_is_named():
    with pytest.raises(RegistryAway, match=r"http://127\.0\.0\.1:1 does not answer"):
        Registry("http://127.0.0.1:1").definition_of(1)
