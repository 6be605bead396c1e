"""The kinds of backfills, each named by its effect on the rows that are there."""

from enum import StrEnum


class Kind(StrEnum):
    """What a backfill does to the rows of its days.

    Args:
        FILL: Rows whose key is missing are added; what is there stays as it is.
        CORRECT: Rows that differ are written, missing ones added, surplus ones removed where that is certain.
        REPLACE: Whole partitions hold the computed rows and nothing else.
        REBUILD: The whole table and its job's state are made anew (headwater.plan.rebuilds).
    """

    FILL = "fill"
    CORRECT = "correct"
    REPLACE = "replace"
    REBUILD = "rebuild"

    @property
    def effect(self) -> str:
        """What is written, in words."""
        return _EFFECTS[self]


_EFFECTS = {
    Kind.FILL: "add the rows that are missing",
    Kind.CORRECT: "write the rows that differ",
    Kind.REPLACE: "replace whole partitions",
    Kind.REBUILD: "make the table and its job's state anew",
}
