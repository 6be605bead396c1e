"""Plan and apply a warehouse on a stack: the one way that the command line and Dagster both take."""

import tempfile
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from headwater.compile.binding import Addresses
from headwater.compile.text import file_uri
from headwater.engines import ActualJob, JobState, RetainedState
from headwater.model import TableName, Warehouse
from headwater.plan.actual import observe
from headwater.plan.build import build_plan
from headwater.plan.earlier import Earlier, snapshot_of
from headwater.plan.execute import Executor
from headwater.plan.health import pair_when_ended
from headwater.plan.restart import need_plain_restart
from headwater.plan.room import lack_of_slots
from headwater.plan.stages import Plan
from headwater.plan.trials import try_changes
from headwater.plan.verdicts import judge_changes
from headwater.problem import HeadwaterError
from headwater.stack import Stack
from resources.applylock import applying
from resources.applylog import logged
from resources.declarations import warehouse
from resources.flink.engine import FlinkEngine
from resources.kafka import KafkaBroker
from resources.paimon.store import FilesystemTableStore

_END_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Deployment:
    """What an apply did.

    Args:
        stages: A line for each stage; none when nothing was to do.
        jobs: Those that run now.
        undeclared: Those among them that no model declares, where all models were applied.
    """

    stages: tuple[str, ...]
    jobs: Mapping[TableName, ActualJob]
    undeclared: tuple[ActualJob, ...] = ()


def addresses(stack: Stack) -> Addresses:
    """Where this stack's jobs find lake and broker."""
    return Addresses(lake=file_uri(stack.lake), kafka=stack.kafka)


def scratch(stack: Stack, folder: Path) -> Addresses:
    """An empty lake in this folder, for compiling: nothing of the stack's is touched."""
    return Addresses(lake=file_uri(folder), kafka=stack.kafka, is_scratch=True)


def engine(stack: Stack) -> AbstractContextManager[FlinkEngine]:
    """The stack's Flink, its connections closed at the end."""
    return closing(FlinkEngine(stack.gateway_url, stack.flink_url, stack.lake, stack.job_state, stack.kafka))


def topics(stack: Stack) -> frozenset[str]:
    """The topics that the stack's broker has. Raises HeadwaterError (unreachable)."""
    return KafkaBroker(stack.kafka).topics()


def plan(
    stack: Stack,
    *,
    models: Collection[TableName] | None = None,
    fresh: Collection[TableName] = (),
    rebuild: Collection[TableName] = (),
    earlier: Collection[Path] = (),
    trial: bool = False,
    stop_undeclared: bool = False,
) -> Plan:
    """The difference between what is declared and what runs on the stack. Changes nothing.

    Args:
        stack: Where.
        models: Only these; None for all.
        fresh: Models whose job starts without state.
        rebuild: Models whose table is made anew beside the running job, and then replaced.
        earlier: States to start from in place of the newest, each of another model.
        trial: Try each changed job beside the running one, from its state, writing nowhere.
        stop_undeclared: Stop jobs that no model declares.
    """
    with engine(stack) as flink:
        return _plan(stack, flink, models, fresh, rebuild, earlier, trial=trial, stop_undeclared=stop_undeclared)


def deploy(
    stack: Stack,
    on_event: Callable[[str], None],
    *,
    models: Collection[TableName] | None = None,
    fresh: Collection[TableName] = (),
    rebuild: Collection[TableName] = (),
    earlier: Collection[Path] = (),
    stop_undeclared: bool = False,
    patience: float = 90.0,
) -> Deployment:
    """Plan and carry out the plan.

    Args:
        stack: Where to.
        on_event: Told a line for each stage as it starts.
        models: Only these; None for all.
        fresh: Models whose job starts without state.
        rebuild: Models whose table is made anew beside the running job, and then replaced.
        earlier: States to start from in place of the newest, each of another model.
        stop_undeclared: Stop jobs that no model declares.
        patience: Seconds that a started job may take until it is healthy; then its previous version comes back.

    Raises:
        HeadwaterError: The first stage that failed, or a plan that is refused.
    """
    chosen = "all jobs" if models is None else ", ".join(sorted(map(str, models)))
    doing = f"applying {chosen}"
    with applying(stack, doing, on_event), logged(stack, doing), engine(stack) as flink:
        finish_starts(stack, flink, on_event)
        planned = _plan(stack, flink, models, fresh, rebuild, earlier, stop_undeclared=stop_undeclared)
        broker, rebuilder = KafkaBroker(stack.kafka), flink.rebuilder()
        executor = Executor(flink, broker, on_event, rebuilder=rebuilder, patience=patience)
        return _carried_out(executor, flink, planned)


def restart(
    stack: Stack, on_event: Callable[[str], None], *, models: Collection[TableName], patience: float = 90.0
) -> Deployment:
    """Start jobs that have ended again, each from its newest state, as it was; nothing is done about those that run.

    Args:
        stack: Where to.
        on_event: Told a line for each stage as it starts.
        models: The jobs'.
        patience: Seconds that a job may take until it is healthy.

    Raises:
        HeadwaterError: It takes more than that, which is for people to decide; or a job did not come to run.
    """
    doing = "starting jobs that have failed"
    with applying(stack, doing, on_event), logged(stack, doing), engine(stack) as flink:
        finish_starts(stack, flink, on_event)
        planned = _plan(stack, flink, models, ())
        need_plain_restart(planned)
        return _carried_out(Executor(flink, KafkaBroker(stack.kafka), on_event, patience=patience), flink, planned)


def stop_jobs(stack: Stack, on_event: Callable[[str], None]) -> tuple[str, ...]:
    """Stop every job with a savepoint; give a line for each that had to be left to its newest checkpoint instead."""
    with applying(stack, "stopping all jobs", on_event), engine(stack) as flink:
        finish_starts(stack, flink, on_event)

        def stop(job: ActualJob) -> str | None:
            on_event(f"stop job {job.model} with a savepoint")
            try:
                if job.state is not JobState.RUNNING:
                    raise HeadwaterError(f"job {job.model} is {job.state.value}")
                savepoint = flink.stop_with_savepoint(job)
                pair_when_ended(flink, job, savepoint, patience=_END_SECONDS)
            except HeadwaterError as error:
                if error.unreachable:
                    raise
                return f"{job.model}: {error.failed}; it will go on from its newest checkpoint"
            return None

        with ThreadPoolExecutor(max_workers=4) as pool:
            return tuple(left for left in pool.map(stop, flink.jobs()) if left)


def finish_starts(stack: Stack, flink: FlinkEngine, on_event: Callable[[str], None]) -> None:
    """See to it that starts which a killed process had asked for have happened, once."""
    for file in stack.job_state.glob("*/start.json"):
        model = TableName.parse(file.parent.name)
        if flink.finish_start(model):
            on_event(f"finish the start of job {model}, which was cut short")


def _carried_out(executor: Executor, flink: FlinkEngine, planned: Plan) -> Deployment:
    executor.execute(planned)
    jobs = {job.model: job for job in flink.jobs()}
    return Deployment(tuple(stage.describe() for stage in planned.stages), jobs, planned.undeclared)


def _plan(
    stack: Stack,
    flink: FlinkEngine,
    models: Collection[TableName] | None,
    fresh: Collection[TableName],
    rebuild: Collection[TableName] = (),
    earlier: Collection[Path] = (),
    *,
    trial: bool = False,
    stop_undeclared: bool = False,
) -> Plan:
    declared = warehouse(stack)
    chosen = {state.model: state for state in (_state(stack, flink, path) for path in earlier)}
    known(declared, {*(models or ()), *fresh, *rebuild, *chosen})
    if models is not None:
        models = {*models, *fresh, *rebuild, *chosen}
    store = FilesystemTableStore(stack.lake)
    actual = observe(declared, flink, store, KafkaBroker(stack.kafka))
    actual = replace(actual, states={**actual.states, **chosen})
    back = {name: Earlier(state, snapshot_of(state, store.commits(name))) for name, state in chosen.items()}
    with tempfile.TemporaryDirectory(prefix="headwater-scratch-") as folder:
        judged = judge_changes(declared, actual, flink, scratch(stack, Path(folder)), models=models, fresh=fresh)
    place = addresses(stack)
    tried = try_changes(declared, actual, flink, replace(place, is_trial=True), judged) if trial else {}
    verdicts = {name: judgement.verdict for name, judgement in judged.items()}
    planned = build_plan(
        declared,
        actual,
        place,
        models=models,
        fresh=fresh,
        rebuild=rebuild,
        verdicts=verdicts,
        trials=tried,
        earlier=back,
        stop_undeclared=stop_undeclared,
    )
    lack = lack_of_slots(planned, flink)
    return replace(planned, refusals=(*planned.refusals, lack)) if lack else planned


def _state(stack: Stack, flink: FlinkEngine, path: Path) -> RetainedState:
    """The state at a path, as errors and `headwater savepoints` give it."""
    place = path.absolute()
    if place.is_relative_to(stack.job_state) and place != stack.job_state:
        with suppress(ValueError):
            model = TableName.parse(place.relative_to(stack.job_state).parts[0])
            for state in flink.retained_states(model):
                if state.path == place:
                    return state
    raise HeadwaterError(
        f"There is no checkpoint or savepoint of this stack at {path}",
        left="nothing was changed",
        next_command="headwater savepoints MODEL lists those that there are",
    )


def known(declared: Warehouse, names: Collection[TableName]) -> None:
    """Every one of these models is declared and has a job. Raises HeadwaterError, with what may have been meant."""
    jobs = [str(model.name) for model in declared.streaming]
    for name in sorted(names):
        if str(name) not in jobs:
            close = get_close_matches(str(name), jobs, 1)
            raise HeadwaterError(
                f"{name} has no job: " + ("it is not kept by a stream" if name in declared else "it is not declared"),
                left="nothing was changed",
                next_command=f"name {close[0]}?" if close else f"name one of {', '.join(jobs) or 'none'}",
            )
