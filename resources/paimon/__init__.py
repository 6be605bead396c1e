"""Paimon tables in a file system catalog: metadata, reading at a pinned snapshot, batch writing, tags."""
