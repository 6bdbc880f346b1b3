"""Documents on their way in: what has arrived of them, until they are whole and on the log."""
