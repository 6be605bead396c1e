"""What one look at the whole stack finds: the one thing that alerts, metrics and the health page are made from."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from headwater.cost.bill import Bill
from headwater.lag.hops import TableLag
from headwater.model import Warehouse
from resources.applylog import Applied
from resources.status import StackStatus


class InstigatorKind(StrEnum):
    """What makes Dagster start something by itself."""

    SENSOR = "sensor"
    SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True)
class Daemon:
    """One of the daemons within Dagster's daemon process.

    Args:
        type: Dagster's name for it: SENSOR, SCHEDULER, FRESHNESS_DAEMON, …
        healthy: Its newest heartbeat is recent and tells of no error.
        required: The instance needs it.
        last_heartbeat: UTC; None when it has never run.
        error: What its newest heartbeat tells of, in one line, or "".
    """

    type: str
    healthy: bool
    required: bool
    last_heartbeat: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """One evaluation of a sensor or schedule.

    Args:
        at: When it began, UTC.
        status: STARTED, SKIPPED, SUCCESS or FAILURE.
        error: In one line, or "".
    """

    at: datetime
    status: str
    error: str = ""

    @property
    def failed(self) -> bool:
        return self.status == "FAILURE"


@dataclass(frozen=True, slots=True)
class Instigator:
    """A sensor or a schedule.

    Args:
        name: As Dagster shows it.
        kind: Which of the two.
        running: It is switched on.
        last_tick: None when it has not been evaluated yet, or Dagster has forgotten it.
        interval: The least time between two ticks of a sensor; None of a schedule, which waits for its hour.
    """

    name: str
    kind: InstigatorKind
    running: bool
    last_tick: Tick | None = None
    interval: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run of Dagster's that has ended.

    Args:
        id: Dagster's.
        job_name: The job, `__ASSET_JOB` when assets were materialized by hand or by a backfill.
        status: SUCCESS, FAILURE or CANCELED.
        ended_at: UTC.
        backfill: The id of the backfill that it belongs to, or "".
        partition: Its partition, or the range of them as `first...last`, or "".
        assets: Keys of the assets that it was to materialize, as `flink/dwd_orders`.
        error: Why it failed, in one line, or "".
    """

    id: str
    job_name: str
    status: str
    ended_at: datetime
    backfill: str = ""
    partition: str = ""
    assets: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """The newest evaluation of an asset check that failed.

    Args:
        asset: The asset's key, as `dwd/orders`.
        name: The check's.
        severity: WARN or ERROR.
        passed: False.
        at: When it was evaluated, UTC.
        description: What it says, or "".
    """

    asset: str
    name: str
    severity: str
    passed: bool
    at: datetime
    description: str = ""


@dataclass(frozen=True, slots=True)
class DagsterPicture:
    """What Dagster says of itself.

    Args:
        unreachable: Why it cannot be asked; "" when it answers, or the stack runs without it.
        daemons: Those that have ever run, or must.
        instigators: Every sensor and schedule of the definitions.
        runs: The newest failed ones of the last hours, newest first.
        checks: Of the tables' declared checks, those whose newest evaluation failed. How jobs are says `status`.
        definitions_error: Why the definitions do not load, or "".
        ended: Every run that ended lately, whatever its outcome, to be counted; pictures overlap.
        at: When it was asked, UTC; None without Dagster.
        backfills: Ids of backfills that failed in the last hours.
    """

    unreachable: str = ""
    daemons: tuple[Daemon, ...] = ()
    instigators: tuple[Instigator, ...] = ()
    runs: tuple[Run, ...] = ()
    checks: tuple[Check, ...] = ()
    definitions_error: str = ""
    ended: tuple[Run, ...] = ()
    at: datetime | None = None
    backfills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """One look at everything.

    Args:
        at: When it began, UTC.
        status: Processes, jobs with their verdicts, tables.
        lags: Of every streaming table, in the warehouse's order.
        dagster: What Dagster says; at most half a minute older than the rest.
        declarations: Why the declarations cannot be read, or ""; then those that could be read last are looked at.
        warehouse: The declarations that were looked at.
        applies: Those that ended lately; pictures overlap.
        bill: What assets cost, measured up to half an hour ago; None when that is not known.
    """

    at: datetime
    status: StackStatus
    lags: tuple[TableLag, ...]
    dagster: DagsterPicture
    declarations: str = ""
    warehouse: Warehouse | None = None
    applies: tuple[Applied, ...] = ()
    bill: Bill | None = None


def instant(seconds: float | None) -> datetime | None:
    """Dagster's seconds since 1970 as an instant."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
