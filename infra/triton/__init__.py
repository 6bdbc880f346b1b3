"""Triton: how its part is installed and launched, and the models that it serves (models/)."""
