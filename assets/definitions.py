"""What Dagster loads: the definitions of the stack's warehouse, as `defs`.

The warehouse is the one that `HEADWATER_WAREHOUSE`, the last `headwater up` or the default name. When it does not
hold together, loading raises InvalidWarehouse, and every problem shows as the code location's error.
"""

import gc

from assets.graph import build_definitions
from headwater.stack import Stack
from resources.declarations import warehouse

_stack = Stack.resolve()

# Thousands of models make millions of objects that live as long as the process: looking for garbage among them
# while they are made, and ever after, would double the time of a load.
gc.disable()
try:
    defs = build_definitions(warehouse(_stack), _stack)
    defs.get_repository_def()
finally:
    gc.freeze()
    gc.enable()
