"""The data service API: products by key, over HTTP, each answer with the snapshot that it is from."""
