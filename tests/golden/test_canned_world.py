"""The canned world of the golden log: what its chat model never came to say is told."""

from tests.golden.canned_world import Script, Scripts

SHORT, LONG = "Who rakes?", "And again: Who rakes?"


def test_what_no_model_was_asked_is_unsaid():
    scripts = Scripts({SHORT: Script(("Twelve people.",))})
    scripts.update({LONG: Script(("Nobody.",))})
    scripts["Who sells?"] = Script()
    assert scripts.said_to("Text: salt.\nWho sweeps?") is None
    assert scripts.unsaid == {SHORT, LONG, "Who sells?"}
    assert scripts.said_to(f"Text: salt.\n{SHORT}") == Script(("Twelve people.",))
    assert scripts.unsaid == {LONG, "Who sells?"}


def test_of_questions_within_each_other_the_first_is_said_and_both_were_asked():
    scripts = Scripts({SHORT: Script(("Twelve people.",)), LONG: Script(("Nobody.",))})
    assert scripts.said_to(LONG) == Script(("Twelve people.",))
    assert scripts.unsaid == set()


def test_what_was_said_and_put_anew_is_unsaid_and_what_was_taken_back_is_not():
    scripts = Scripts({SHORT: Script()})
    scripts.said_to(SHORT)
    scripts[SHORT] = Script(("Nobody.",))
    assert scripts.unsaid == {SHORT}
    del scripts[SHORT]
    assert (dict(scripts), scripts.unsaid) == ({}, set())
