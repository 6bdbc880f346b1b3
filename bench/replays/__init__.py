"""What verifying and sealing a log cost, beside reading it, running it live and hashing it."""
