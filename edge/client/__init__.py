"""The gateway as its clients see it, and a key for those on the same machine."""
