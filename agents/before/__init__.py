"""Before: what steps did until a change, for the logs that were written then."""
