"""Lanes for tests: their records come, run and are finished."""


def opened(item):
    """Open a record, each as a session of its own."""
    item.session = item.work = str(item.offset)
    return True


def take(lane, first, count=1):
    """Let records of a lane arrive, from this offset on; returns their items, which run."""
    lane.take([(first + number, 1, b"acme", None) for number in range(count)])
    return begun(lane)


def begun(lane, open_=opened):
    """Begin what may run of a lane now."""
    items = []
    while (item := lane.next(open_)) is not None:
        items.append(item)
    return items


def finish(lane, item):
    """Let the outcome of an item be on the log."""
    lane.left(item)
    item.close()


def work_off(lane, waiting):
    """Finish inputs of a lane, until no more than so many were not looked at."""
    while lane.waiting > waiting:
        item = lane.next(opened)
        assert item is not None
        finish(lane, item)
