import sys

import pytest

from tests.end_to_end.gateways_beside import Beside

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


@pytest.fixture
def beside(running, tmp_path):
    """A second gateway, which a test may end."""
    with (tmp_path / "gateway.log").open("wb") as told:
        gateway = Beside(running, told)
        try:
            gateway.start()
            yield gateway
        finally:
            gateway.stop()
            sys.stderr.write((tmp_path / "gateway.log").read_text()[-4_000:])
