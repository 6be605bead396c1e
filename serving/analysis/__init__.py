"""SQL that people write themselves: over pinned snapshots, in a process of its own, within limits."""
