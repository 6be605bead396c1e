"""The feeder: keeps the key-value store what the products' tables are, snapshot by snapshot."""
