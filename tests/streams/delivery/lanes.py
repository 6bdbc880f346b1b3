"""Lanes for tests: records of them that a step has finished."""

from streams.delivery.lane import Item


def opened(lane, offset, size, message):
    """Open a record, each as a session of its own."""
    return Item(lane, offset, size, str(offset), message, None)


def take(lane, first, count=1):
    """Let records of a lane arrive, from this offset on; returns their items, which run."""
    lane.take([(first + number, 1, None) for number in range(count)])
    items = []
    while (item := lane.next(opened)) is not None:
        items.append(item)
    return items


def finish(lane, item):
    """Let the outcome of an item be on the log."""
    lane.left(item)
    item.close()
