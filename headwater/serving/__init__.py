"""What callers are served by key: products, their addresses, and how far the data behind an answer goes."""
