"""Alerts: what a look at the stack comes to, kept in a book, and sent until it has arrived."""
