"""What each asset costs: CPU, state and storage, and the money that they come to."""
