"""Work out the stages from what is declared to what is there. Reads nothing, changes nothing."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from headwater.compile.binding import Addresses
from headwater.compile.job import JobSpec, compile_job
from headwater.compile.storage import table_options
from headwater.engines import ActualJob, ActualTable, JobState
from headwater.health.undeclared import undeclared_jobs
from headwater.model import Model, OnIncompatible, TableName, Warehouse
from headwater.plan.actual import Actual
from headwater.plan.earlier import Earlier, described, is_behind, lost_all, lost_newer, no_way_back
from headwater.plan.rebuilds import is_under_way, obstacle, rebuild_stages
from headwater.plan.stages import (
    AddColumns,
    CancelJob,
    CreateTable,
    CreateTopic,
    DiscardShadow,
    Plan,
    RescaleJob,
    ResetOptions,
    SetOptions,
    Stage,
    StopWithSavepoint,
    SubmitJob,
    TakeAgain,
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
    rebuild: Collection[TableName] = (),
    verdicts: Mapping[TableName, Verdict] | None = None,
    trials: Mapping[TableName, Trial] | None = None,
    earlier: Mapping[TableName, Earlier] | None = None,
    stop_undeclared: bool = False,
) -> Plan:
    """The plan that makes the declared streaming tables and jobs be there.

    Args:
        warehouse: What is declared.
        actual: What is there.
        addresses: Where jobs find lake and broker.
        models: Only these; None for all, and then the plan names jobs whose model is not declared, and foreign ones.
        fresh: Models whose job starts without state, reading its inputs from the start.
        rebuild: Models whose table is made anew beside the running job, and then replaced.
        verdicts: On models whose job changes (headwater.plan.verdicts).
        trials: Of those that were tried (headwater.plan.trials).
        earlier: Models whose job starts from a state that was chosen by hand.
        stop_undeclared: Stop the jobs whose model is not declared, which are left running otherwise.
    """
    judged = dict(verdicts or {})
    chosen = [model for model in warehouse.streaming if models is None or model.name in models]
    refusals: list[str] = []
    undeclared = undeclared_jobs(warehouse, actual.jobs) if models is None else ()
    ended = map(_ended, undeclared) if stop_undeclared else ()
    parts = [_Part([*ended, *_topics(warehouse, actual, chosen)])]
    for model in chosen:
        changes, differences = _table_stages(model, actual.tables.get(model.name))
        if differences:
            judged[model.name] = _with_table(judged.get(model.name), differences)
        tried = (trials or {}).get(model.name)
        if tried is not None and tried.refusal:
            refusals.append(_refused_in_trial(model, tried))
        job = compile_job(model, warehouse.model, addresses)
        running = [found for found in actual.jobs if found.model == model.name]
        if len(running) > 1:
            refusals.append(_two_writers(model.name, running))
            continue
        current = running[0] if running else None
        verdict = judged.get(model.name)
        is_asked = model.name in rebuild
        if model.name not in fresh and _is_to_be_rebuilt(
            model, job, warehouse, actual, addresses, current, verdict, asked=is_asked
        ):
            refusals += _refused_rebuild(warehouse, model, verdict)
            stages = rebuild_stages(model, job, warehouse, actual, addresses, current, changes, asked=is_asked)
            parts += [_Part(stages), _Part()]
            continue
        refusals.extend(_refused(warehouse, model, verdict))
        part = parts[-1]
        if model.name in actual.shadows:
            part.waits.append(DiscardShadow(model.name))
        back = (earlier or {}).get(model.name)
        as_it_is = current is not None and not changes and current.fingerprint == job.fingerprint
        if current is not None and as_it_is and back is None and model.name not in fresh:
            if current.state is JobState.RUNNING and _is_proven(current, actual):
                part.waits.extend(_rescale(current, job, actual))
                continue
            if current.state is JobState.RUNNING or current.state in _STARTING:
                part.waits.append(WaitHealthy(job))
                continue
        if current is not None:
            part.before.append(_stop(current, job, changes, back))
        part.before.extend(changes)
        start = _start(job, actual, current, back, fresh=model.name in fresh)
        if back is not None:
            refusals.extend(filter(None, [no_way_back(model, back, warehouse.streams_over(model.name))]))
            part.before.append(TakeAgain(model, back.state, None if model.key else back.snapshot))
        elif not start.needs_state and model.name in actual.written:
            refusals.append(_written_twice(model))
        else:
            refusals.extend(_lost(model, actual, start))
        part.starts.append(start)
        part.waits.append(WaitHealthy(job))
    stages = tuple(stage for part in parts for stage in (*part.before, *part.starts, *part.waits))
    return Plan(
        stages,
        tuple(refusals),
        judged,
        trials or {},
        undeclared=() if stop_undeclared else undeclared,
        foreign=actual.foreign if models is None else (),
    )


@dataclass(slots=True)
class _Part:
    """Stages of jobs that are stopped, and then started, together. A rebuild is a part by itself."""

    before: list[Stage] = field(default_factory=list)
    starts: list[Stage] = field(default_factory=list)
    waits: list[Stage] = field(default_factory=list)


def _is_to_be_rebuilt(
    model: Model,
    job: JobSpec,
    warehouse: Warehouse,
    actual: Actual,
    addresses: Addresses,
    current: ActualJob | None,
    verdict: Verdict | None,
    *,
    asked: bool,
) -> bool:
    """Somebody asks for it, the declaration says so, or it was begun and its decision made."""
    if actual.tables.get(model.name) is None:
        return False
    if asked:
        return True
    if current is not None and current.fingerprint == job.fingerprint:
        return False
    left = actual.shadows.get(model.name)
    if left is not None and is_under_way(model, warehouse.model, addresses, left):
        return True
    needed = verdict is not None and verdict.outcome is Outcome.REBUILD
    return needed and model.job.on_incompatible is OnIncompatible.REBUILD


def _refused_rebuild(warehouse: Warehouse, model: Model, verdict: Verdict | None) -> list[str]:
    if verdict is not None and verdict.outcome is Outcome.INCOMPATIBLE:
        return _refused(warehouse, model, verdict)
    against = obstacle(warehouse, model)
    return [f"{model.name}: it cannot be rebuilt in place: {against} ({model.file})"] if against else []


def _is_proven(job: ActualJob, actual: Actual) -> bool:
    """The job has completed a checkpoint: whoever started it may have been killed before that was seen."""
    state = actual.states.get(job.model)
    return state is not None and state.is_of(job.id)


def _lost(model: Model, actual: Actual, start: SubmitJob) -> list[str]:
    """State that the table's commits tell of and that is not there; it is never replaced by older one, or none."""
    newest, state = actual.commits.get(model.name), actual.states.get(model.name)
    if newest is None or not start.resume:
        return []
    if state is None:
        return [lost_all(model)]
    return [lost_newer(model, state, newest)] if is_behind(state, newest) else []


def _refused_in_trial(model: Model, trial: Trial) -> str:
    return (
        f"{model.name}: its trial failed, so deploying it would too: {trial.refusal}; the verdict was wrong, which is "
        f"a fault of Headwater's: report it with both versions of the SQL ({model.file})"
    )


def _with_table(verdict: Verdict | None, differences: list[str]) -> Verdict:
    found = tuple(Finding(Outcome.INCOMPATIBLE, _TABLE, difference) for difference in differences)
    return replace(verdict, findings=(*found, *verdict.findings)) if verdict else Verdict(found)


def _refused(warehouse: Warehouse, model: Model, verdict: Verdict | None) -> list[str]:
    """Refusals of what the table cannot take and of state that would be misread, each with what to do."""
    if verdict is None or verdict.outcome.keeps_state:
        return []
    if verdict.outcome is Outcome.INCOMPATIBLE:
        advice = f"declare it as it was, or declare a new table beside it and move readers over ({model.file})"
    else:
        against = obstacle(warehouse, model)
        anew = f" (no rebuild in place: {against})" if against else f": headwater apply --rebuild {model.name}"
        advice = (
            f"put the SQL back, make the table anew beside the running job{anew}, "
            f"or start without state: headwater apply --fresh {model.name} ({model.file})"
        )
    found = verdict.because(verdict.outcome)
    said = [finding.edit if finding.operator == _TABLE else str(finding) for finding in found]
    return [f"{model.name}: {edit}; {advice}" for edit in said]


def _topics(warehouse: Warehouse, actual: Actual, chosen: list[Model]) -> list[Stage]:
    """Topics that the chosen models read or write and the broker lacks; all declared ones when all are chosen."""
    read = {name for model in chosen for name in model.reads}
    every = len(chosen) == len(warehouse.streaming)
    needed = [(source.name, source.topic) for source in warehouse.sources if every or source.name in read]
    needed += [(model.name, model.distributes) for model in chosen]
    return [CreateTopic(name, topic) for name, topic in needed if topic is not None and topic.name not in actual.topics]


def _ended(job: ActualJob) -> Stage:
    if job.state is JobState.RUNNING:
        return StopWithSavepoint(job, "its model is not declared")
    return CancelJob(job)


def _stop(current: ActualJob, job: JobSpec, changes: list[Stage], back: Earlier | None) -> Stage:
    if current.state is not JobState.RUNNING:
        return CancelJob(current)
    if current.fingerprint != job.fingerprint:
        return StopWithSavepoint(current, f"declared {job.fingerprint}, running {current.fingerprint}")
    asked = "asked to start from another state" if back else "asked to start without state"
    return StopWithSavepoint(current, "its table changes" if changes else asked)


def _rescale(current: ActualJob, job: JobSpec, actual: Actual) -> list[Stage]:
    """A job that people or the autoscaler scaled within its range is as declared."""
    scale = actual.scales.get(current.id)
    if scale is None or scale.wanted in job.parallelism:
        return []
    return [RescaleJob(current, scale.wanted, job.parallelism.nearest(scale.wanted), str(job.parallelism))]


def _start(job: JobSpec, actual: Actual, current: ActualJob | None, back: Earlier | None, *, fresh: bool) -> SubmitJob:
    if back is not None:
        origin = f"from its {described(back.state)}, as asked"
        return SubmitJob(job, origin, needs_state=True, state=back.state.path)
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
