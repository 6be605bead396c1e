"""Comparing streamed tables with their batch results beside the stream, and repairing what late data explains."""
