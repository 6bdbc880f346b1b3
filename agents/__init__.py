"""What each step does: one module a step, named by its verb. They know events and `fx`, nothing else."""
