"""The batch result of a streaming model over pinned inputs, on DuckDB or on Flink batch."""
