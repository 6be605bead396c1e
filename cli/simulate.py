"""`headwater simulate`: the demo's upstream."""

from simulator.command import command

__all__ = ["command"]
