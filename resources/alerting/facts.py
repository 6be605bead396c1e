"""What is wrong in a picture of the stack, as conditions: processes, Flink, jobs and tables."""

from collections.abc import Iterator

from headwater.alerts.condition import TABLE, Condition, Kind, Severity, explained, key_of
from headwater.duration import elapsed
from headwater.health.verdicts import Check, Verdict
from headwater.lag.hops import Hop, HopKind, State, TableLag
from headwater.model import Freshness, Warehouse
from headwater.stack import Stack
from headwater.trouble import process_trouble
from resources.alerting.dagster import SUPERVISOR, blind_kinds, dagster_conditions
from resources.status import JobStatus
from resources.watch.picture import Picture

# What a job needs, and with it every table, the deepest first.
_FLINK = (
    key_of(Kind.PROCESS, "jobmanager"),
    key_of(Kind.PROCESS, "taskmanager"),
    key_of(Kind.PROCESS, "kafka"),
    key_of(Kind.UNREACHABLE, "flink"),
    key_of(Kind.UNREACHABLE, "kafka"),
    key_of(Kind.CLUSTER, "flink"),
)
_ILL = (Check.RUNNING, Check.CHECKPOINT)

_NEXT = {
    HopKind.READ: "headwater status says how the job is, headwater logs jobmanager why",
    HopKind.CHECKPOINT: "headwater status says how its checkpoints are; Flink's page shows the busiest task",
    HopKind.COMMIT: "headwater logs taskmanager: the committer says why it does not commit",
    HopKind.WATERMARK: "headwater lag; a source whose event time stands still holds the windows back",
}


def conditions(picture: Picture, stack: Stack, declared: Warehouse) -> tuple[Condition, ...]:
    """Everything that is wrong, each with its cause.

    Args:
        picture: What was found.
        stack: For addresses.
        declared: Owners, promises, and what depends on what.
    """
    found = [
        *_processes(picture),
        *_unreachable(picture, stack),
        *(each for job in picture.status.jobs for each in _job(job, picture, declared)),
        *(each for lag in picture.lags for each in _late(lag, picture, stack, declared)),
        *dagster_conditions(picture, stack, declared),
    ]
    return explained(found, len(declared.streaming))


def blind(picture: Picture) -> frozenset[str]:
    """Kinds and keys of conditions that could not be looked at: their not being found says nothing."""
    kinds: set[str] = set(blind_kinds(picture.dagster))
    if not picture.status.processes:
        kinds.add(Kind.PROCESS)
    if picture.status.unreachable:
        kinds |= {Kind.JOB, Kind.DRIFT}
    unmeasured = {key_of(Kind.FRESHNESS, str(lag.table)) for lag in picture.lags if lag.behind is None}
    return frozenset(kinds | unmeasured | ({Kind.FRESHNESS} if not picture.lags else set()))


def _processes(picture: Picture) -> Iterator[Condition]:
    if not picture.status.processes:
        words = "the supervisor of the processes does not answer: one that ends is not started again"
        advice = "headwater down, then headwater up"
        yield Condition(
            Kind.PROCESS, SUPERVISOR.partition(":")[2], Severity.ERROR, words, picture.at, next_command=advice
        )
    for process in picture.status.processes:
        trouble = process_trouble(process.name, process.state, process.restarts)
        if trouble is not None:
            yield Condition(
                kind=Kind.PROCESS,
                subject=process.name,
                severity=Severity.ERROR,
                words=f"{process.name} {trouble.what}",
                since=picture.at,
                explained_by=_FLINK[:1] if process.name == "taskmanager" else (),
                reality=process.state,
                next_command=trouble.next_command,
            )


def _unreachable(picture: Picture, stack: Stack) -> Iterator[Condition]:
    if picture.status.unreachable:
        yield Condition(
            kind=Kind.UNREACHABLE,
            subject="flink",
            severity=Severity.ERROR,
            words=f"Flink cannot be asked: {picture.status.unreachable}",
            since=picture.at,
            explained_by=(*_FLINK[:1], SUPERVISOR),
            url=stack.flink_url,
            next_command="headwater logs jobmanager; headwater down and headwater up if it stays so",
        )
    # What the lags say of a broker that does not answer begins so (resources.kafka.failed).
    reason = next((lag.unmeasured for lag in picture.lags if lag.unmeasured.startswith("Kafka")), "")
    if reason:
        yield Condition(
            kind=Kind.UNREACHABLE,
            subject="kafka",
            severity=Severity.ERROR,
            words=reason,
            since=picture.at,
            explained_by=(key_of(Kind.PROCESS, "kafka"), SUPERVISOR),
            next_command="headwater logs kafka; one that hangs: headwater down, then headwater up",
        )


def _job(job: JobStatus, picture: Picture, declared: Warehouse) -> Iterator[Condition]:
    ill = next((fault for fault in job.faults if fault.check in _ILL), None)
    if ill is not None:
        severity = Severity.ERROR if ill.is_error else Severity.WARNING
        yield _of_job(Kind.JOB, job, ill, severity, picture, declared)
    drift = next((fault for fault in job.faults if fault.check is Check.DECLARED), None)
    if drift is not None and job.job is not None:
        yield _of_job(Kind.DRIFT, job, drift, Severity.WARNING, picture, declared)


def _of_job(
    kind: Kind, job: JobStatus, fault: Verdict, severity: Severity, picture: Picture, declared: Warehouse
) -> Condition:
    model = declared.model(job.model)
    health = job.health
    began = health.since if health and fault.is_error else health.last_checkpoint_at if health else None
    return Condition(
        kind=kind,
        subject=str(job.model),
        severity=severity,
        words=f"the job of {job.model}: {fault.reason}",
        since=began or picture.at,
        # One edit changes the declarations of many jobs.
        group=key_of(TABLE, str(job.model)) if kind is Kind.JOB else key_of(kind, "declarations"),
        explained_by=_FLINK if kind is Kind.JOB else (),
        owner=model.owner,
        hop=f"{job.model}, its job" if kind is Kind.JOB else "",
        affects=tuple(map(str, declared.downstream(job.model))),
        url=job.job.url if job.job else "",
        next_command=fault.next_command or "headwater status",
    )


def _late(lag: TableLag, picture: Picture, stack: Stack, declared: Warehouse) -> Iterator[Condition]:
    behind, promise = lag.behind, lag.promise
    if lag.state not in (State.LATE, State.STALE) or behind is None or promise is None:
        return
    is_stale = lag.state is State.STALE
    limit = promise.fail_after if is_stale or promise.warn_after is None else promise.warn_after
    model = declared.model(lag.table)
    guilty = lag.guilty
    name = str(lag.table)
    yield Condition(
        kind=Kind.FRESHNESS,
        subject=name,
        severity=Severity.ERROR if is_stale else Severity.WARNING,
        words=f"{name} is {lag.state.value}: its sources have data for {elapsed(behind)} that it lacks",
        # A lag at its worst, for want of a measurement, does not tell when it began.
        since=picture.at if lag.unmeasured else picture.at - (behind - limit),
        group=key_of(TABLE, str(guilty.table) if guilty else name),
        explained_by=_FLINK,
        owner=model.owner,
        promise=_promised(promise),
        reality=f"{elapsed(behind)} behind"
        + (f"; not all could be measured: {lag.unmeasured}" if lag.unmeasured else ""),
        hop=_hop(guilty) if guilty else "",
        affects=tuple(map(str, declared.downstream(lag.table))),
        url=f"{stack.dagster_url}/assets/{lag.table.layer.value}/{lag.table.table}",
        next_command=_NEXT[guilty.kind] if guilty else "headwater lag",
    )


def _hop(hop: Hop) -> str:
    waiting = "" if hop.waiting is None else f", {hop.waiting:,} waiting"
    return f"{hop.label}: {elapsed(hop.own)} of it{waiting}"


def _promised(promise: Freshness) -> str:
    warn = "" if promise.warn_after is None else f", warned of beyond {elapsed(promise.warn_after)}"
    return f"at most {elapsed(promise.fail_after)} behind{warn}"
