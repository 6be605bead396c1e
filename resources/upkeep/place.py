"""What every duty needs to know of where it works."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from headwater.footprint import Footprint
from headwater.model import Model, TableName
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from headwater.upkeep.procedures import LakeProcedures
from resources.paimon.footprint import footprint


@dataclass(frozen=True, slots=True)
class Place:
    """A stack that is being kept clean.

    Args:
        stack: Which.
        procedures: Paimon's procedures over its lake.
        now: The moment that ages are counted from.
        dry_run: Look, and change nothing.
        committed: Of each job that runs, when its newest checkpoint was completed, and what it had written committed.
    """

    stack: Stack
    procedures: LakeProcedures
    now: datetime
    dry_run: bool
    committed: Mapping[TableName, datetime] = field(default_factory=dict)

    def footprint(self, name: TableName) -> Footprint:
        """The table's files now. Raises HeadwaterError when the table has gone."""
        found = footprint(self.stack.lake, name)
        if found is None:
            raise HeadwaterError(f"{name} was dropped meanwhile", next_command="headwater maintain")
        return found


@dataclass(frozen=True, slots=True)
class Target:
    """A table that is being looked at.

    Args:
        model: As it is declared.
        options: Of the table on disk.
        files: Before anything is done.
    """

    model: Model
    options: Mapping[str, str]
    files: Footprint

    @property
    def name(self) -> TableName:
        """The table's name."""
        return self.model.name
