"""The ways in which asking the world can fail; the runner decides by these alone."""


class Transient(Exception):
    """Worth another try: a service is away, slow or overloaded. The runner retries with backoff.

    `retry_after_s` is when the service, or the circuit that stands for it, wants to be asked again
    at the earliest (RFC 9110, Retry-After); None where nobody said.
    """

    def __init__(self, message: str = "", *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Permanent(Exception):
    """Would fail the same way again. The runner moves the event to the dead letters.

    The message says what is wrong and what to do, and holds no text of a person.
    """


class KeyDestroyed(Permanent):
    """A sealed value can't be opened because its key was destroyed: its subject was erased."""


class HeldTooLong(Permanent):
    """A step computed for so long that no other could; raised where it computes, by its watch."""


class Unforeseen(Exception):
    """Something broke that answers a request, in a way that nobody foresaw: a mistake in the code.

    The log keeps its class alone, since what it says may quote a text; it is the error's cause. A
    step does not catch it.
    """


class BeyondMeans(Permanent):
    """This process lacks what it takes (time, memory, an installed part); another might have it.

    It says nothing of the input. So a replay that meets it can't verify, and finds no difference.
    """
