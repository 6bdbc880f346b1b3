"""The verbs of the command line about the gateway: serve it, its keys, and clients of it."""
