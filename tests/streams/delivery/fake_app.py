"""A Faust app, as far as a table sees it."""

import types


class FakeApp:
    """Stands for a Faust app: a table is a dictionary, the changelog a list."""

    def __init__(self):
        self.sent = []
        self.publisher = self
        self.away = False

    def topic(self, *names, **_):
        return names

    def Table(self, name, **_):  # noqa: N802 - Faust's name
        return types.SimpleNamespace(data={})

    def send(self, topic, partition, key, value, headers, receipt):
        self.sent.append((topic, key, value, partition))
        if not self.away:
            receipt.acknowledged()
