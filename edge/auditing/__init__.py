"""What auditors see: the life of an answer, from the records of its request."""
