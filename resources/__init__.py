"""The real systems, each behind a protocol that the core declares."""
