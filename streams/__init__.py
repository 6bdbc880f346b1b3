"""How the steps run: the log, one run, delivery, watching, operations. topics.py comes first."""
