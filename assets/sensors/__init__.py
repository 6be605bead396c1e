"""What is polled: the lake's snapshots and the jobs' health."""
