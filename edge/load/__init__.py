"""How much the edge takes on: what waits, what is held, and what is refused for it."""
