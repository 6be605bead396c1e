"""How a job is, judged from what Flink says of it: verdicts with their reasons, causes in words, what to do."""
