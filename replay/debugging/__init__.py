"""A step of a recorded request under a debugger, on its recorded effects."""
