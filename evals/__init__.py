"""How good answers are: the steps and the running system over public evaluation sets."""
