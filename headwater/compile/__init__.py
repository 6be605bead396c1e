"""From a declared model to what Flink is given: DDL, bindings, one INSERT, a job."""
