"""The local stack: its processes, how they are configured, started, supervised and stopped."""
