"""What is wrong with a policy is said with its line and column, before it comes into force."""

import pytest

from agents.configured.usability import Unusable, hold_choosable, hold_usable
from agents.policies.placed_faults import hold_loadable, hold_valid, objection
from agents.policies.policy_text import RULES_MAX, PolicyFault
from agents.policies.rule_book import rule_book
from tests.agents.policies.policies import HIDING, OPEN, RESIDENT, SENDING

READ = 'permit(principal, action == Action::"read", resource) when { %s };'


@pytest.mark.parametrize("text", ["", "// nothing\n", HIDING, RESIDENT + SENDING])
def test_what_can_be_decided_by_is_taken(text):
    hold_valid(text)


@pytest.mark.parametrize(
    ("rule", "place", "says"),
    [
        ("permit(principal, action resource);", (3, 26), "unexpected token `resource`"),
        ("permit(principal, action, resource)", (3, 36), "unexpected end of input"),
        ("permit(principl, action, resource);", (3, 8), "invalid variable"),
        ("allow(principal, action, resource);", (3, 1), "invalid policy effect: allow"),
        (READ % 'resource.class = "x"', (3, 77), "'=' is not a valid operator"),
        (READ % "shout(1)", (3, 62), "`shout` is not a valid function"),
        (READ % "99999999999999999999 == 1", (3, 62), "number too large"),
        (READ % 'resource.klass == "x"', (3, 71), "attribute `klass`"),
        (READ % 'resource.getTag("x") == "y"', (3, 78), 'tag `"x"`'),
        ('\npermit(\n  principal,\n  action == Action::"raed",\n  resource\n);', (6, 21), "raed"),
        ('permit(principal == Usr::"x", action, resource);', (3, 21), "entity type `Usr`"),
        (('permit(principal in Tenant::"a", action == Action::"keep", resource) when '
         '{ context.mode == "a" };'), (3, 85), "attribute `mode`"),
        ("permit(principal == ?principal, action, resource);", (3, 21), "stand for nothing here"),
        ('@id("all may read") permit(principal, action, resource);', (3, 5), "2 rules are called"),
        ('@id("default") permit(principal, action, resource);', (3, 5), "stands for no rule"),
    ],
)  # fmt: skip
def test_a_fault_has_its_place(rule, place, says):
    with pytest.raises(PolicyFault) as raised:
        hold_valid(OPEN + rule)
    line, column = place
    assert says in str(raised.value)
    assert str(raised.value).startswith(f"line {line}, column {column}: ")


def test_a_rule_for_all_actions_is_told_to_name_one():
    with pytest.raises(PolicyFault, match=r'attribute `class`.*name the action.*Action::"read"'):
        hold_valid('forbid(principal, action, resource) when { resource.class == "x" };')


CHAINS = {
    "||": lambda count: " || ".join(f'resource.class == "c{at}"' for at in range(count)),
    "&&": lambda count: " && ".join(f'resource.class != "c{at}"' for at in range(count)),
    "+": lambda count: "+".join(["1"] * count) + " > 0",
}


@pytest.mark.parametrize("chain", CHAINS)
def test_what_is_taken_can_be_decided_by(chain):
    """However many conditions a rule joins: a policy that can't be loaded would stop every question."""
    told = {}
    for count in (2, 20, 50, 55, 59, 60, 61, 64, 100):
        text = OPEN + "\n" + READ % CHAINS[chain](count)
        try:
            hold_valid(text)
            hold_loadable(text)
        except PolicyFault as error:
            told[count] = str(error)
        else:
            assert rule_book(text).of("read")
    assert min(told) > 55
    assert all(one.startswith("line ") and "divide it into rules" in one for one in told.values())


def test_a_policy_in_force_that_can_not_be_loaded_stays_and_none_comes_into_force():
    """Giving way to the policy before it would open what fails closed."""
    values = {"cedar": OPEN + READ % CHAINS["||"](100)}
    hold_usable("policy", values)
    with pytest.raises(Unusable, match=r"^`cedar`: line 3, column 1: .*divide it into rules"):
        hold_choosable("policy", values)


def test_of_many_faults_some_are_told_and_the_others_counted():
    with pytest.raises(PolicyFault, match=r"line 1, .*line 2, .*line 5, .*\(and 3 more\)"):
        hold_valid("\n".join([READ % 'resource.klass == "x"'] * 8))


def test_a_place_is_found_by_few_looks_at_the_rule():
    looks = []

    def looking(source):
        looks.append(source)
        return objection(source)

    rule = READ % ("[" + '"x", ' * 450 + "].contains(resource.class) == ;")
    with pytest.raises(PolicyFault) as raised:
        hold_valid(rule, looking)
    assert str(raised.value).startswith(f"line 1, column {rule.index('== ;') + 4}")
    assert len(looks) < 15  # a search in halves, of 900 tokens


def test_as_many_rules_as_are_taken_are_judged():
    rules = (f'@id("{n}") {READ}' % f'resource.class == "c{n}"' for n in range(RULES_MAX))
    hold_valid("\n".join(rules))
