"""The two ways in which asking the world can fail; the runner decides by these alone."""


class Transient(Exception):
    """Worth another try: a service is away, slow or overloaded. The runner retries with backoff."""


class Permanent(Exception):
    """Would fail the same way again. The runner moves the event to the dead letters.

    The message says what is wrong and what to do, and holds no text of a person.
    """


class KeyDestroyed(Permanent):
    """A sealed value can't be opened because its key was destroyed: its subject was erased."""
