"""One thing that is not as it should be, as one look found it, and which other thing explains it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is. ERROR: a promise is broken, or something does not run. WARNING: it works, for now."""

    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """Higher is worse."""
        return list(Severity).index(self)


class Kind(StrEnum):
    """What is wrong; in the order in which one explains another.

    PROCESS: a process of the platform does not run. UNREACHABLE: a system runs and does not answer.
    CLUSTER: much of what Flink runs is ill at once. DECLARATIONS: the warehouse folder cannot be read.
    DEFINITIONS: Dagster cannot load what it is to run. DAEMON: one of Dagster's daemons gives no heartbeat.
    JOB: a table's job does not run, or not as it should. FRESHNESS: a table is further behind than is promised.
    DRIFT: the job that runs is not the declared one. CHECK: a table's check fails.
    BACKFILL, RUN: what Dagster ran has failed.
    SENSOR, SCHEDULE: what makes Dagster start something fails.
    """

    PROCESS = "process"
    UNREACHABLE = "unreachable"
    CLUSTER = "cluster"
    DECLARATIONS = "declarations"
    DEFINITIONS = "definitions"
    DAEMON = "daemon"
    JOB = "job"
    FRESHNESS = "freshness"
    DRIFT = "drift"
    CHECK = "check"
    BACKFILL = "backfill"
    RUN = "run"
    SENSOR = "sensor"
    SCHEDULE = "schedule"

    @property
    def rank(self) -> int:
        """Lower is nearer to the cause."""
        return list(Kind).index(self)


TABLE = "table"
"""What the cause of conditions is called that begin at one table's job: `table:dwd.orders`."""

_COMMON = (Kind.PROCESS, Kind.UNREACHABLE, Kind.CLUSTER, Kind.DECLARATIONS, Kind.DEFINITIONS)


def key_of(kind: Kind | str, subject: str) -> str:
    """What a condition, or a cause, is known by from look to look."""
    return f"{kind}:{subject}"


def depth(cause: str) -> int:
    """How deep a cause lies; lower explains more. All that concern one table, run or sensor lie equally deep."""
    name = cause.partition(":")[0]
    return next((kind.rank for kind in _COMMON if kind == name), len(_COMMON))


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is not as it should be.

    Args:
        kind: What sort of thing.
        subject: The table, process, sensor, … that it is about.
        severity: How bad.
        words: What is wrong, in a sentence that begins with the subject.
        since: When it began, as far as it is known, UTC.
        group: What it counts to when nothing deeper explains it; "" for itself.
        explained_by: Keys of conditions that explain this one when they hold, the deepest first.
        cause: What it counts to (`explained`).
        owner: Of the table, or "".
        promise: What was declared, or "".
        reality: What is, against it, or "".
        hop: The step on the data's way that eats the time (headwater.lag.hops), or "".
        affects: Tables and reports that depend on it, upstream first.
        url: Where to look.
        next_command: What to do.
    """

    kind: Kind
    subject: str
    severity: Severity
    words: str
    since: datetime
    group: str = ""
    explained_by: tuple[str, ...] = ()
    cause: str = ""
    owner: str = ""
    promise: str = ""
    reality: str = ""
    hop: str = ""
    affects: tuple[str, ...] = ()
    url: str = ""
    next_command: str = ""

    @property
    def key(self) -> str:
        """What it is known by from look to look."""
        return key_of(self.kind, self.subject)


def explained(found: Sequence[Condition], jobs: int) -> tuple[Condition, ...]:
    """The same conditions, each with its cause; one more where much of Flink is ill at once and nothing says why.

    Args:
        found: What one look found.
        jobs: How many jobs are declared.
    """
    with_causes = _caused(found)
    crowd = _crowd(with_causes, jobs)
    return with_causes if crowd is None else _caused((*found, crowd))


def _caused(found: Sequence[Condition]) -> tuple[Condition, ...]:
    by_key = {condition.key: condition for condition in found}

    def cause(condition: Condition, asked: frozenset[str] = frozenset()) -> str:
        for key in condition.explained_by:
            if key in by_key and key not in asked:
                return cause(by_key[key], asked | {condition.key})
        return condition.group or condition.key

    return tuple(replace(condition, cause=cause(condition)) for condition in found)


def _crowd(found: Sequence[Condition], jobs: int) -> Condition | None:
    """Half of all jobs and more are ill, or their tables late, from more than one place: the reason is a common one."""
    ill = [each for each in found if each.kind in (Kind.JOB, Kind.FRESHNESS) and each.cause.startswith(f"{TABLE}:")]
    ill = [each for each in ill if key_of(Kind.CLUSTER, "flink") in each.explained_by]
    tables = {each.subject for each in ill}
    if len({each.cause for each in ill}) < 2 or 2 * len(tables) < jobs:
        return None
    worst = max(ill, key=lambda each: each.severity.rank)
    return Condition(
        kind=Kind.CLUSTER,
        subject="flink",
        severity=worst.severity,
        words=f"Flink: {len(tables)} of {jobs} jobs fail or fall behind at once, {worst.words}",
        since=min(each.since for each in ill),
        affects=tuple(dict.fromkeys(name for each in ill for name in (each.subject, *each.affects))),
        url=worst.url,
        next_command=worst.next_command,
    )
