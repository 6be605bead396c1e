"""The demo's upstream: a seeded delivery company that writes to Kafka, and knows what must come of what it wrote."""
