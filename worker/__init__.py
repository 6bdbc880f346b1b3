"""The worker: one process that runs some steps, with the connectors that these ask."""
