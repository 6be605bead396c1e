"""Keeping the lake of a stack clean, by Paimon's own procedures."""
