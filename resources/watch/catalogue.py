"""Every metric of the platform: its name, type, labels and meaning. `docs/metrics.md` is made of it."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Prometheus' types, as far as they are used."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Args:
        name: Base units, `_total` for counters: https://prometheus.io/docs/practices/naming/
        kind: Its type.
        unit: Of its values, in words.
        labels: In order.
        meaning: For people; also what `/metrics` says as HELP.
    """

    name: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    meaning: str


def _gauge(name: str, unit: str, meaning: str, *labels: str) -> Metric:
    return Metric(f"headwater_{name}", Kind.GAUGE, unit, labels, meaning)


def _counter(name: str, unit: str, meaning: str, *labels: str) -> Metric:
    return Metric(f"headwater_{name}_total", Kind.COUNTER, unit, labels, meaning)


_YES = "1 or 0"
_INSTANT = "seconds since 1970"

# The process itself.
BUILD = _gauge("build_info", "1", "The version that runs.", "version")
LOOK_AT = _gauge(
    "look_timestamp_seconds", _INSTANT, "When everything was last looked at; it stands still when `watch` is stuck."
)
LOOK_TOOK = _gauge("look_duration_seconds", "seconds", "How long the last look took.")
LOOK_FAILURES = _counter("look_failures", "looks", "Looks that failed since `watch` started; its log says why.")
HEALTHY = _gauge("healthy", _YES, "What `/healthz` says.")
DECLARATIONS = _gauge("declarations_valid", _YES, "The folder of declarations can be read.")

# Lag.
LAG = _gauge(
    "lag_seconds",
    "seconds",
    "Age of the oldest data that has not come past this hop of the table's job; 0 when nothing waits. "
    "Hops: read, checkpoint, commit, watermark.",
    "table",
    "source",
    "hop",
)
LAG_OWN = _gauge(
    "lag_own_seconds", "seconds", "The part of it that the data has spent at this very hop.", "table", "source", "hop"
)
BACKLOG = _gauge(
    "lag_backlog",
    "records of a topic, snapshots of a table",
    "What waits in front of this hop, where it is counted.",
    "table",
    "source",
    "hop",
)
BEHIND = _gauge(
    "table_behind_seconds", "seconds", "Age of the oldest data that a source has and the table has not.", "table"
)
WATERMARK_LAG = _gauge(
    "table_watermark_lag_seconds",
    "seconds",
    "From the watermark of the table's newest snapshot to now, less the declared lateness; it also grows while the "
    "source is silent.",
    "table",
)
TABLE_STATE = _gauge(
    "table_state",
    _YES,
    "The table's lag against its promise: fresh, quiet (fresh, and its sources are silent), late (beyond warn_after), "
    "stale (beyond fail_after), unknown.",
    "table",
    "state",
)
PROMISE = _gauge(
    "table_promise_seconds", "seconds", "What is promised of the table's lag; level is warn or fail.", "table", "level"
)
GUILTY = _gauge(
    "table_guilty_hop", "1", "The hop that eats most of the table's lag; `culprit` is the table whose job it is.",
    "table", "culprit", "source", "hop",
)  # fmt: skip
UNMEASURED = _gauge("table_unmeasured", _YES, "A part of the way into the table could not be measured.", "table")
NEWEST_EVENT = _gauge(
    "table_newest_event_timestamp_seconds", _INSTANT, "When the newest record in the table's topics happened.", "table"
)
NEWEST_ARRIVAL = _gauge(
    "table_newest_arrival_timestamp_seconds",
    _INSTANT,
    "When the newest record in the table's topics came to the broker.",
    "table",
)

# Tables.
TABLE = _gauge(
    "table_info", "1", "Each declared table that the platform writes, and who owns it.", "table", "layer", "owner"
)
ROWS = _gauge(
    "table_rows",
    "rows",
    "Rows in the newest snapshot's files; a key table counts superseded rows until compaction.",
    "table",
)
SNAPSHOT = _gauge("table_snapshot_id", "a number", "The table's newest snapshot.", "table")
SNAPSHOT_AT = _gauge("table_snapshot_timestamp_seconds", _INSTANT, "When the newest snapshot was committed.", "table")

# Jobs.
FLINK_UP = _gauge("flink_up", _YES, "Flink's JobManager answers. While it does not, no job has metrics but its state.")
JOB_UP = _gauge("job_up", _YES, "The table's job runs, and not just for the moment.", "table")
JOB_STATE = _gauge("job_state", _YES, "Flink's word for the job's state; MISSING when it has none.", "table", "state")
JOB_CHECK = _gauge(
    "job_check_passed",
    _YES,
    "The verdicts on the job: job_running, checkpoint_recent, job_as_declared, job_keeps_up.",
    "table",
    "check",
)
JOB_STARTED = _gauge("job_start_timestamp_seconds", _INSTANT, "When the job was submitted.", "table")
JOB_RESTARTS = _counter("job_restarts", "restarts", "Restarts after a failure since the job was submitted.", "table")
JOB_CHECKPOINTS = _counter(
    "job_checkpoints", "checkpoints", "Checkpoints completed since the job was submitted.", "table"
)
JOB_CHECKPOINT_AT = _gauge(
    "job_checkpoint_timestamp_seconds", _INSTANT, "When the newest completed checkpoint ended.", "table"
)
JOB_CHECKPOINTS_FAILED = _gauge(
    "job_checkpoints_failed",
    "checkpoints",
    "Checkpoints failed since the newest completed one, of the last ten.",
    "table",
)
JOB_LATE_DROPPED = _counter("job_late_rows_dropped", "rows", "Rows that the job's windows dropped as late.", "table")
UNDECLARED = _gauge("jobs_undeclared", "jobs", "Jobs that run though no model declares them.")
FOREIGN = _gauge("jobs_foreign", "jobs", "Jobs on the same cluster that are not the platform's.")

# Dagster.
DAGSTER_UP = _gauge("dagster_up", _YES, "Dagster's web server answers; absent in a stack without Dagster.")
DEFINITIONS = _gauge("dagster_definitions_loaded", _YES, "The code server runs and the definitions load.")
DAEMON_HEALTHY = _gauge(
    "dagster_daemon_healthy", _YES, "A daemon's heartbeat is recent and without error.", "daemon", "required"
)
DAEMON_AT = _gauge("dagster_daemon_heartbeat_timestamp_seconds", _INSTANT, "A daemon's newest heartbeat.", "daemon")
INSTIGATOR_ON = _gauge("instigator_running", _YES, "A sensor or schedule is switched on.", "name", "kind")
INSTIGATOR_FAILED = _gauge("instigator_failed", _YES, "Its newest tick failed.", "name", "kind")
INSTIGATOR_AT = _gauge("instigator_tick_timestamp_seconds", _INSTANT, "When it last ticked.", "name", "kind")
INSTIGATOR_EVERY = _gauge(
    "instigator_interval_seconds", "seconds", "The least time between two ticks of a sensor.", "name"
)
RUNS = _counter(
    "runs",
    "runs",
    "Runs of Dagster's that ended since `watch` started; kind is apply, report, backfill or other, outcome success, "
    "failure or canceled.",
    "kind",
    "outcome",
)
RUNS_FAILED = _gauge("runs_failed", "runs", "Runs that failed within the last six hours (at most 50).", "kind")
BACKFILLS_FAILED = _gauge("backfills_failed", "backfills", "Backfills of the last six hours that failed (at most 20).")
CHECK_FAILED = _gauge(
    "check_failed",
    "1",
    "A declared check of a table whose newest evaluation failed; severity is warning or error.",
    "asset",
    "check",
    "severity",
)
APPLIES = _counter(
    "applies",
    "applies",
    "Applies that ended since `watch` started, from the command line or Dagster; outcome is success or failure.",
    "outcome",
)

# Costs, measured every half hour.
ASSET_CPU = _gauge(
    "asset_cpu_cores",
    "cores",
    "Processor time of the table's job in each second since it came to run, or of its report runs in 30 days.",
    "table",
)
ASSET_STATE = _gauge("asset_state_bytes", "bytes", "All that is kept of the job's state.", "table")
ASSET_STORED = _gauge("asset_stored_bytes", "bytes", "All files of the table.", "table")
ASSET_FILES = _gauge("asset_files", "files", "All files of the table.", "table")
ASSET_HELD = _gauge("asset_held_bytes", "bytes", "Files that the newest snapshot does not need.", "table")
ASSET_COST = _gauge(
    "asset_month_cost", "the currency of prices.yaml", "What the table costs a month at this rate.", "table", "currency"
)

# Processes.
PROCESS_UP = _gauge("process_up", _YES, "The process is RUNNING.", "process")
PROCESS_CPU = _counter(
    "process_cpu_seconds", "seconds", "Processor time of the process and its children since its start.", "process"
)
PROCESS_MEMORY = _gauge("process_resident_memory_bytes", "bytes", "Memory of the process and its children.", "process")
PROCESS_RESTARTS = _counter("process_restarts", "restarts", "Starts after the first, since `headwater up`.", "process")
PROCESS_STARTED = _gauge("process_start_timestamp_seconds", _INSTANT, "When the process was last started.", "process")
PUSHED_AT = _gauge(
    "flink_push_timestamp_seconds", _INSTANT, "When a process of Flink's last pushed its own metrics.", "process"
)

# Alerts.
ALERT = _gauge(
    "alert_open",
    "1",
    "An alert that is open, also one that is silenced.",
    "kind",
    "subject",
    "owner",
    "severity",
    "silenced",
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
"""All of them, in the order in which they stand here."""


def page() -> str:
    """`docs/metrics.md`."""
    from resources.watch.apimetrics import API_METRICS  # made of what stands here

    return f"{_HEAD}\n{_rows(METRICS)}\n{_FLINK}{_API}\n{_rows(API_METRICS)}\n"


def _rows(metrics: tuple[Metric, ...]) -> str:
    rows = "\n".join(
        f"| `{each.name}` | {each.kind.value} | {each.unit} | {', '.join(each.labels) or '–'} | {each.meaning} |"
        for each in metrics
    )
    return f"| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n{rows}"


_HEAD = """\
# Metrics

Generated from `resources/watch/catalogue.py` by `python -m resources.watch.catalogue`; a test holds the two together.

`http://127.0.0.1:9400/metrics` (the port is `HEADWATER_PORT_WATCH`) has the platform's metrics, as Prometheus' text or
OpenMetrics. They are of the newest look, at most ten seconds old; what Flink tells of jobs beyond their state, and what
Dagster tells, is at most 40 seconds old, schedules and declared checks two minutes. Counters start at 0 with what
counts: a job's with its submission, a process's with its start, runs with the process `watch`.

There is one series for each table, hop, job, process, sensor or schedule. None has a label that grows with time, such
as an id of a run or a snapshot.
"""

_FLINK = """
## Flink's own metrics

`/metrics/jobmanager` and `/metrics/taskmanager` on the same port have what Flink's own Prometheus reporter says of the
two (`flink_jobmanager_…`, `flink_taskmanager_…`), at most fifteen seconds old; they answer 503 when the process has not
pushed for 45 seconds. [Flink's documentation](https://nightlies.apache.org/flink/flink-docs-release-2.0/docs/ops/metrics/)
lists them. The reporter pushes to the process `watch`, since the one that is scraped listens on every interface of the
machine. Labels that every start changes (`task_attempt_id`, `task_attempt_num`) and those that never differ (`host`,
`tm_id`) are left out.
"""

_API = """
## The data service API's metrics

`http://127.0.0.1:8800/metrics` (the port is `HEADWATER_PORT_API`) has those of the process `api`, as Prometheus' text.
It asks for a key as everything there does ([security](security.md)): `authorization: {credentials_file: …}` in
Prometheus' configuration.
"""

if __name__ == "__main__":
    from pathlib import Path

    (Path(__file__).parents[2] / "docs" / "metrics.md").write_text(page())
