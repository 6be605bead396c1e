"""What becomes of a running job's state under changed SQL: two compiled plans compared, operator by operator."""
