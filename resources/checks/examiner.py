"""What Dagster asks about the checks of a stack's tables."""

from collections.abc import Collection

from headwater.checks.outcome import Examined
from headwater.model import Model
from headwater.stack import Stack
from resources.checks.examine import examine, is_due
from resources.declarations import warehouse


class StackExaminer:
    """Evaluates the checks of one stack, over its declarations as they are now."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def __call__(self, model: Model, names: Collection[str]) -> Examined:
        """Evaluate some of a model's declared checks, by name. Raises HeadwaterError."""
        return examine(self._stack, warehouse(self._stack), model, names)

    def is_due(self, model: Model) -> bool:
        """Something has come that a check of this model has not seen."""
        return is_due(self._stack, model)
