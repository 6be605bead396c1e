"""What the running systems say of what each asset uses."""
