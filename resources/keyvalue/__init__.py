"""Key-value stores that products are served from: one protocol, LMDB on one machine, Redis for several."""
