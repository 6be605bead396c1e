"""Keeping the lake clean: what there is to do, who may do it, and what was done."""
