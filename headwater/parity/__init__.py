"""Parity: the rows that a stream keeps up to date against the rows that batch gives over the same input."""
