"""As of then: retrieval as it was at a position of the log, for an auditor; nothing is written."""
