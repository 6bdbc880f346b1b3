"""A processor that only notes what it is given; held to the real one by test_processor_contract.py."""


class FakeProcessor:
    """Notes what it is given to do."""

    def __init__(self):
        self.ran = []
        self.refused = []
        self.passed_over = []

    async def run(self, event, item):
        self.ran.append((event, item))

    async def refuse(self, error, item):
        self.refused.append((str(error), item))

    async def pass_over(self, event, item):
        self.passed_over.append((event, item))
