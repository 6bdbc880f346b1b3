"""Answering: read passages into statements, choose those that answer, and put them together."""
