"""What the policy in force hides from a reader, they find nowhere at the edge either."""

import sys

import pytest
from msgspec.structs import replace

from edge.callers import access as access_module
from edge.callers.access import Access
from edge.requests.policy_followed import PolicyFollowed
from streams.log.configuration import configuration
from tests.agents.policies.policies import HIDING
from tests.edge.callers.test_access import Keyring, a_document, access, an_entry, is_unknown
from tests.edge.callers.test_caller import a_caller
from tests.edge.callers.test_restore_policy import followed, under

PAY = {"class": "salaries"}


def named(name, **fields):
    """A document of a name."""
    one = a_document(**fields)
    meta = replace(one.meta, session=name, request=f"r-{name}")
    return replace(one, document=name, meta=meta)


def listed(known, caller, most=9, **where):
    return [one.id for one in known.documents(caller, most, **where).documents]


def test_a_document_that_the_policy_hides_is_as_unknown_as_one_that_there_is_not():
    known, caller = under(HIDING, named("open"), named("pay", metadata=PAY)), a_caller()
    assert listed(known, caller) == ["open"]
    assert not known.may_know(caller, "pay")
    assert known.may_know(caller, "open")
    assert is_unknown(known.document, caller, "pay") == is_unknown(access().document, caller, "pay")
    of_hr = a_caller(groups=("hr",))
    assert listed(known, of_hr) == ["open", "pay"]
    assert known.may_know(of_hr, "pay")
    assert known.document(of_hr, "pay").id == "pay"


def test_who_hands_documents_in_knows_of_all_and_what_they_say_is_still_hidden():
    known, writer = under(HIDING, named("pay", metadata=PAY)), a_caller("write")
    assert listed(known, writer) == ["pay"]
    assert known.document(writer, "pay").id == "pay"
    assert not known.may_know(writer, "pay")


def test_a_policy_shows_nothing_that_groups_hide():
    known = under(HIDING, named("d", groups=("board",)))
    assert listed(known, a_caller()) == []
    assert not known.may_know(a_caller(), "d")


def test_pages_hold_what_may_be_known_and_one_ends_where_too_much_was_looked_at(monkeypatch):
    hidden = [named(f"a{number}", metadata=PAY) for number in range(5)]
    known = under(HIDING, *hidden, named("b"), named("c"), named("d"))
    page = known.documents(a_caller(), 2)
    assert ([one.id for one in page.documents], page.next) == (["b", "c"], "c")
    page = known.documents(a_caller(), 2, after="c")
    assert ([one.id for one in page.documents], page.next) == (["d"], None)
    monkeypatch.setattr(access_module, "LOOKED_AT_MAX", 3)
    found, after = [], ""
    for _ in range(9):
        page = known.documents(a_caller(), 2, after=after)
        found += [one.id for one in page.documents]
        if page.next is None:
            break
        after = page.next
    assert (found, page.next) == (["b", "c", "d"], None)


@pytest.mark.parametrize("lacking", [False, True])
def test_where_nothing_can_be_decided_nothing_is_shown(monkeypatch, lacking):
    if lacking:
        monkeypatch.setitem(sys.modules, "cedarpy", None)
    text = HIDING + "// another" if lacking else "permit(principal action, resource);"
    known = under(text, named("open"))
    assert listed(known, a_caller()) == []
    assert not known.may_know(a_caller(), "open")


def test_before_it_is_known_what_is_in_force_nothing_is_shown_and_nothing_restored():
    nothing = configuration("policy", {})
    policy = PolicyFollowed({"policy": nothing}, known=lambda: False)
    made = access(named("open", title=an_entry("t").value))
    known = Access(made._requests, made._documents, Keyring(), lambda: True, policy)
    reader = a_caller("restore")
    assert known.reveal(reader, [an_entry("<EMAIL_1>", "EMAIL")]) == {}
    assert not known.may_know(reader, "open")
    policy.known = lambda: True
    assert len(known.reveal(reader, [an_entry("<EMAIL_1>", "EMAIL")])) == 1
    assert known.may_know(reader, "open")
    assert followed("").shown_by("read") is None
