"""The log: how records are spelt, where they lie, and how they are written and read."""
