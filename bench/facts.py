"""Made-up facts: text to ingest, and questions about it."""

from __future__ import annotations

TENANT = "bench"  # whose the facts are
PLACES = ("Aldermoor", "Birkwold", "Calverton", "Dunmere", "Eastholm", "Farrowby", "Glenside")
THINGS = ("ferry", "library", "tramway", "bakery", "observatory", "mill", "theatre", "archive")


def name_of(number: int) -> str:
    """Name what a fact is about."""
    thing, place = THINGS[number % len(THINGS)], PLACES[number % len(PLACES)]
    return f"{thing} of {place} number {number}"


def facts(count: int, first: int = 0) -> list[tuple[str, str]]:
    """Return pairs of (section, question), all different, so that no prompt is asked twice."""
    pairs = []
    for number in range(first, first + count):
        name = name_of(number)
        section = (
            f"## The {name}\n\nThe {name} opens at {5 + number % 7} in the morning and is run "
            f"by {3 + number} people. A yearly ticket for the {name} costs {20 + 3 * number} "
            f"euros, and it was founded in {1800 + number}. Visitors reach it by the river road, "
            "where a sign shows the way; dogs are welcome on a lead, and the doors are closed on "
            "the first Monday of each month for repairs and cleaning.\n"
        )
        pairs.append((section, f"What does a yearly ticket for the {name} cost?"))
    return pairs
