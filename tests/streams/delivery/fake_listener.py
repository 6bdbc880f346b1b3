"""What a reader tells on the event loop, noted; held to Faust's shell, which is told live, by test_listener.py."""

import asyncio

from streams.delivery.commits import due


class FakeListener:
    """Takes lanes over and gives them up as the shell does; `answers` may be taken from it."""

    def __init__(self):
        self.told = []
        self.lanes = []
        """All that have come, the newest last."""
        self.errors = []
        self.answers = True
        self.came = asyncio.Event()
        self.dropped = asyncio.Event()
        self.revoked_when_told = None

    def arrived(self, batches):
        self.told.append(("arrived", [lane.partition for lane, _ in batches]))

    def assigned(self, lanes):
        self.told.append(("assigned", [lane.partition for lane in lanes]))
        self.lanes = lanes
        for lane in lanes:
            lane.learned = True
        self.came.set()

    async def revoked(self, lanes):
        if not self.answers:
            try:
                await asyncio.Event().wait()
            finally:
                self.told.append(("let go of", [lane.partition for lane in lanes]))
        self.told.append(("revoked", [lane.partition for lane in lanes]))
        return due(lanes)

    async def lost(self, lanes):
        self.revoked_when_told = [lane.revoked for lane in lanes]
        self.told.append(("lost", [lane.partition for lane in lanes]))
        self.dropped.set()

    def broken(self, error):
        self.errors.append(error)
