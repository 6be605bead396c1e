"""The demo's upstream: a seeded delivery company that writes orders and driver events to Kafka, and knows what must come of them."""
