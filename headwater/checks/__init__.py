"""Declared checks: what they ask of a table's rows, and what is found."""
