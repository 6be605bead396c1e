"""The declarations of a stack: its warehouse folder, loaded through the stack's cache."""

from headwater.loader import load
from headwater.model import Warehouse
from headwater.stack import Stack


def warehouse(stack: Stack) -> Warehouse:
    """The stack's declarations. Raises InvalidWarehouse with every problem."""
    return load(stack.warehouse, cache=stack.home / "cache")
