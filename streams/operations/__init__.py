"""Operating: how far behind, what failed, what became of a request."""
