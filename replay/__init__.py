"""The same steps over recorded effects: verify, export, timeline."""
