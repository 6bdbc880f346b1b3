"""What a step can be configured with: its fields, their types and bounds, and what must fit."""
