"""Work out the stages from what is declared to what is there. Reads nothing, changes nothing."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from headwater.compile.binding import Addresses
from headwater.compile.job import JobSpec, compile_job
from headwater.compile.storage import table_options
from headwater.engines import ActualJob, ActualTable, JobState
from headwater.model import Model, TableName, Warehouse
from headwater.plan.actual import Actual
from headwater.plan.stages import (
    AddColumns,
    CancelJob,
    CreateTable,
    CreateTopic,
    Plan,
    ResetOptions,
    SetOptions,
    Stage,
    StopWithSavepoint,
    SubmitJob,
    WaitHealthy,
)
from headwater.plan.trials import Trial
from headwater.verdict.verdict import Finding, Outcome, Verdict

# Paimon fixes these when a table is created: https://paimon.apache.org/docs/master/maintenance/configurations/
_IMMUTABLE = ("bucket", "merge-engine", "changelog-producer")
# A job that is on its way is waited for; one that fails again and again is started anew, with today's addresses.
_STARTING = frozenset({JobState.INITIALIZING, JobState.CREATED, JobState.RECONCILING})
# What Paimon itself may write into a schema's options; all others come from the declaration alone.
_TABLE = "table"
_OF_PAIMON = ("path", "type", "bucket-key")


def build_plan(
    warehouse: Warehouse,
    actual: Actual,
    addresses: Addresses,
    *,
    models: Collection[TableName] | None = None,
    fresh: Collection[TableName] = (),
    verdicts: Mapping[TableName, Verdict] | None = None,
    trials: Mapping[TableName, Trial] | None = None,
    stop_undeclared: bool = False,
) -> Plan:
    """The plan that makes the declared streaming tables and jobs be there.

    Args:
        warehouse: What is declared.
        actual: What is there.
        addresses: Where jobs find lake and broker.
        models: Only these; None for all, and then the plan names jobs whose model is not declared, and foreign ones.
        fresh: Models whose job starts without state, reading its inputs from the start.
        verdicts: On models whose job changes (headwater.plan.verdicts).
        trials: Of those that were tried (headwater.plan.trials).
        stop_undeclared: Stop the jobs whose model is not declared, which are left running otherwise.
    """
    judged = dict(verdicts or {})
    chosen = [model for model in warehouse.streaming if models is None or model.name in models]
    before: list[Stage] = []
    starts: list[Stage] = []
    waits: list[Stage] = []
    refusals: list[str] = []
    undeclared = undeclared_jobs(warehouse, actual.jobs) if models is None else ()
    if stop_undeclared:
        before.extend(map(_ended, undeclared))
    before.extend(_topics(warehouse, actual, chosen))
    for model in chosen:
        changes, differences = _table_stages(model, actual.tables.get(model.name))
        if differences:
            judged[model.name] = _with_table(judged.get(model.name), differences)
        refusals.extend(_refused(model, judged.get(model.name)))
        tried = (trials or {}).get(model.name)
        if tried is not None and tried.refusal:
            refusals.append(_refused_in_trial(model, tried))
        job = compile_job(model, warehouse.model, addresses)
        running = [found for found in actual.jobs if found.model == model.name]
        if len(running) > 1:
            refusals.append(_two_writers(model.name, running))
            continue
        current = running[0] if running else None
        if current is not None and not changes and current.fingerprint == job.fingerprint and model.name not in fresh:
            if current.state is JobState.RUNNING:
                continue
            if current.state in _STARTING:
                waits.append(WaitHealthy(job))
                continue
        if current is not None:
            before.append(_stop(current, job, changes))
        before.extend(changes)
        start = _start(job, actual, current, fresh=model.name in fresh)
        if not start.needs_state and model.name in actual.written:
            refusals.append(_written_twice(model))
        starts.append(start)
        waits.append(WaitHealthy(job))
    return Plan(
        (*before, *starts, *waits),
        tuple(refusals),
        judged,
        trials or {},
        undeclared=() if stop_undeclared else undeclared,
        foreign=actual.foreign if models is None else (),
    )


def undeclared_jobs(warehouse: Warehouse, jobs: Iterable[ActualJob]) -> tuple[ActualJob, ...]:
    """The platform's jobs that no model declares any more, or that are kept by batch now."""
    return tuple(job for job in jobs if job.model not in warehouse or not warehouse.model(job.model).is_streaming)


def _refused_in_trial(model: Model, trial: Trial) -> str:
    return (
        f"{model.name}: its trial failed, so deploying it would too: {trial.refusal}; the verdict was wrong, which is "
        f"a fault of Headwater's: report it with both versions of the SQL ({model.file})"
    )


def _with_table(verdict: Verdict | None, differences: list[str]) -> Verdict:
    found = tuple(Finding(Outcome.INCOMPATIBLE, _TABLE, difference) for difference in differences)
    return replace(verdict, findings=(*found, *verdict.findings)) if verdict else Verdict(found)


def _refused(model: Model, verdict: Verdict | None) -> list[str]:
    """Refusals of what the table cannot take and of state that would be misread, each with what to do."""
    if verdict is None or verdict.outcome.keeps_state:
        return []
    if verdict.outcome is Outcome.INCOMPATIBLE:
        advice = f"declare it as it was, or declare a new table beside it and move readers over ({model.file})"
    else:
        advice = f"put the SQL back, or start without state: headwater apply --fresh {model.name} ({model.file})"
    found = verdict.because(verdict.outcome)
    said = [finding.edit if finding.operator == _TABLE else str(finding) for finding in found]
    return [f"{model.name}: {edit}; {advice}" for edit in said]


def _topics(warehouse: Warehouse, actual: Actual, chosen: list[Model]) -> list[Stage]:
    """Topics that the chosen models read and the broker lacks; all declared ones when every model is chosen."""
    read = {name for model in chosen for name in model.reads}
    every = len(chosen) == len(warehouse.streaming)
    return [
        CreateTopic(source.name, source.topic)
        for source in warehouse.sources
        if source.topic and source.topic.name not in actual.topics and (every or source.name in read)
    ]


def _ended(job: ActualJob) -> Stage:
    if job.state is JobState.RUNNING:
        return StopWithSavepoint(job, "its model is not declared")
    return CancelJob(job)


def _stop(current: ActualJob, job: JobSpec, changes: list[Stage]) -> Stage:
    if current.state is not JobState.RUNNING:
        return CancelJob(current)
    if current.fingerprint != job.fingerprint:
        return StopWithSavepoint(current, f"declared {job.fingerprint}, running {current.fingerprint}")
    return StopWithSavepoint(current, "its table changes" if changes else "asked to start without state")


def _start(job: JobSpec, actual: Actual, current: ActualJob | None, *, fresh: bool) -> SubmitJob:
    if fresh:
        return SubmitJob(job, "without state, reading its inputs from the start", resume=False)
    if current is not None and current.state is JobState.RUNNING:
        return SubmitJob(job, "from that savepoint", needs_state=True)
    state = actual.states.get(job.model)
    if state is None:
        return SubmitJob(job, "for the first time")
    kind = "savepoint" if state.is_savepoint else "checkpoint"
    return SubmitJob(job, f"from its {kind} of {state.completed_at:%Y-%m-%d %H:%M:%S} UTC", needs_state=True)


def _two_writers(name: TableName, running: list[ActualJob]) -> str:
    ids = " and ".join(job.id for job in running)
    return (
        f"{name}: two jobs write it ({ids}); a table has one writer. "
        "Cancel the wrong one on Flink's page, then run headwater plan again"
    )


def _written_twice(model: Model) -> str:
    return (
        f"{model.name}: its table has no key and holds rows already; a job without state would read its inputs from "
        f"the start and write the same rows a second time; give the table a key, or declare a new one ({model.file})"
    )


def _table_stages(model: Model, table: ActualTable | None) -> tuple[list[Stage], list[str]]:
    if table is None:
        return [CreateTable(model)], []
    stages: list[Stage] = []
    differences = _differences(model, table)
    known = {column.name for column in table.columns}
    added = tuple(column for column in model.columns if column.name not in known)
    if added:
        stages.append(AddColumns(model, added))
    wanted = table_options(model)
    obsolete = tuple(sorted(table.options.keys() - wanted.keys() - {*_IMMUTABLE, *_OF_PAIMON}))
    if obsolete:
        stages.append(ResetOptions(model, obsolete, _as_they_were(table, obsolete)))
    changed = {key: value for key, value in wanted.items() if table.options.get(key) != value and key not in _IMMUTABLE}
    if changed:
        stages.append(SetOptions(model, tuple(sorted(changed.items())), _as_they_were(table, changed)))
    return stages, differences


def _as_they_were(table: ActualTable, keys: Collection[str]) -> tuple[tuple[str, str], ...]:
    return tuple((key, table.options[key]) for key in sorted(keys) if key in table.options)


def _differences(model: Model, table: ActualTable) -> list[str]:
    found = []
    declared = {column.name: column for column in model.columns}
    for column in table.columns:
        if column.name not in declared:
            found.append(f"column {column.name} is in the table and no longer declared; dropping it loses data")
        elif column.type != declared[column.name].type:
            found.append(f"column {column.name} is {column.type} in the table, declared {declared[column.name].type}")
    common = [column.name for column in table.columns if column.name in declared]
    if common != [column.name for column in model.columns if column.name in common]:
        found.append(f"its columns stand in the order ({', '.join(common)}) in the table, declared in another")
    if table.key != model.key:
        found.append(f"the table's key is ({', '.join(table.key)}), declared ({', '.join(model.key)})")
    if table.partition_by != model.partition_by:
        found.append(
            f"the table is partitioned by ({', '.join(table.partition_by)}), declared ({', '.join(model.partition_by)})"
        )
    wanted = table_options(model)
    for option in _IMMUTABLE:
        if option in wanted and table.options.get(option, wanted[option]) != wanted[option]:
            found.append(f"option {option} is {table.options[option]} in the table, declared {wanted[option]}")
    return found
