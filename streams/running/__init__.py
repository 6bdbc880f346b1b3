"""Running a step: one input, its effects, the world that answers them, and when to try again."""
