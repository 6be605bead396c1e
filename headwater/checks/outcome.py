"""What was found when a check was evaluated."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from headwater.checks.kinds import Check
from headwater.problem import HeadwaterError

SAMPLE = 5
"""Offending rows that are shown."""

Sample = tuple[Mapping[str, str | None], ...]
"""Offending rows or values, as column → text."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check found.

    Args:
        check: Which.
        passed: What it asks holds, as far as was looked.
        failing: How many break it, in the whole table: rows, or what `counted` says.
        snapshot: Of the table, up to which the check has been evaluated.
        since: The snapshot that it had been evaluated at before, when only what changed after it was read now; None
            when the table was read from its beginning.
        counted: What `failing` counts.
        sample: A few of them.
        read: Rows read for it, of whatever table.
        is_cut: There was more than may be read, now or when an earlier outcome was carried on: more may be wrong.
        said: What else a person should know: why the table was read whole, what was compared.
        snapshots: What was read, of every table, by name.
        at: When.
    """

    check: Check
    passed: bool
    failing: int
    snapshot: int
    at: datetime
    since: int | None = None
    counted: str = "rows"
    sample: Sample = ()
    read: int = 0
    is_cut: bool = False
    said: str = ""
    snapshots: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Examined:
    """What came out of looking at one table's checks.

    Args:
        outcomes: In the order declared.
        failures: Checks that could not be evaluated, by name, each with the reason.
    """

    outcomes: tuple[Outcome, ...] = ()
    failures: tuple[tuple[str, HeadwaterError], ...] = ()


def declared_as(check: Check) -> str:
    """Changes when a check asks something else than before."""
    return hashlib.sha256(repr(check.asks).encode()).hexdigest()[:16]
