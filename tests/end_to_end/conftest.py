import pytest

HANDBOOK = """# Workshop handbook

## Opening hours

The workshop opens at half past seven on weekdays and at nine on Saturdays. It is closed on Sundays.
The foreman is Beatriz Almeida; her e-mail is beatriz.almeida@workshop.example.

## Lending tools

A torque wrench may be borrowed for three days against a deposit of fifteen euros. Whoever returns it
late pays two euros a day. The compressor stays in the workshop and is never lent out.
"""

GARDEN = """# Garden rules

## Watering

The garden is watered before eight in the morning. The glasshouse key hangs behind the green door.
"""


@pytest.fixture(scope="session")
def workshop(running):
    """A tenant with the handbook."""
    state = running.submit("workshop", HANDBOOK, uri="handbook.md")
    assert state["status"] == "indexed", state
    return "workshop"


@pytest.fixture(scope="session")
def garden(running):
    """A tenant with the garden rules."""
    state = running.submit("garden", GARDEN, uri="rules.md")
    assert state["status"] == "indexed", state
    return "garden"
