"""Declared checks evaluated over the lake: by what changed where that tells the whole, else over one snapshot."""
