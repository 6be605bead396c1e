"""A streaming model's table as one batch query for DuckDB: its topics typed, its flows run, its rows merged."""
