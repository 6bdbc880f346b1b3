"""A clock that stands still until a test moves it; tests/test_fake_clock.py holds it to the real ones."""


class FakeClock:
    """Tells the seconds since some moment; a test moves `now`."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
