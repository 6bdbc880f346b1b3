"""The canary of a prompt."""

import re

from agents.prompt_canary import CANARY, SLOT, canary, is_canary, with_canary


def test_each_request_has_a_mark_of_its_own_and_always_the_same():
    assert canary("r-1") == canary("r-1") != canary("r-2")
    assert re.fullmatch(CANARY, canary("r-1"))


def test_only_the_mark_of_the_request_is_a_leak():
    assert is_canary(canary("r-1"), "r-1")
    assert not is_canary(canary("r-2"), "r-1")


def test_a_prompt_with_a_slot_holds_the_mark_and_one_without_stays():
    assert with_canary(f"Rules {SLOT}.", "r-1") == f"Rules {canary('r-1')}."
    assert with_canary("Rules.", "r-1") == "Rules."
