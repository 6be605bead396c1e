"""The duties of upkeep, and what came of one on one table."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from headwater.footprint import Footprint
from headwater.model import TableName

KEPT = timedelta(days=7)
"""Files and tags that nobody seems to need are left alone this long."""

HISTORY = timedelta(days=100)
"""Snapshots of reports are kept this long: they hold why each partition was written, and what it was before.

A month's report goes by what they say of its days, and may be made again for some time after the month.
"""

KEPT_SNAPSHOTS = 10
"""So many snapshots of a report are kept however old they are, as Paimon keeps of any table."""


class Duty(StrEnum):
    """What is done for a table, in this order: what expires leaves fewer files to compact and to look through."""

    EXPIRY = "expiry"
    COMPACTION = "compaction"
    ORPHANS = "orphans"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One duty on one table.

    Args:
        duty: Which.
        table: Whose.
        before: The table's files before.
        after: And after; the same when nothing was changed.
        found: How much there was to do: snapshots and tags past their time, files to compact, orphans.
        found_bytes: Of orphans.
        done: What was done, in words; "" for nothing.
        left: Why something that was found was left, in words; "" when nothing was.
        fault: What is not as it should be afterwards; "" when all is well.
    """

    duty: Duty
    table: TableName
    before: Footprint
    after: Footprint
    found: int = 0
    found_bytes: int = 0
    done: str = ""
    left: str = ""
    fault: str = ""
