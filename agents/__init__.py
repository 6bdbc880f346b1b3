"""What each step does: one module a step, named by its verb; it knows events and `fx` alone."""
