"""Verdicts on every model whose job would change, made before anything is stopped."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

from headwater.compile.binding import Addresses
from headwater.compile.job import JobSpec, compile_job
from headwater.engines import ActualJob, RetainedState, StreamEngine
from headwater.model import Model, TableName, Warehouse
from headwater.plan.actual import Actual
from headwater.verdict.judge import Judgement, judge
from headwater.verdict.options import Settings, with_options
from headwater.verdict.verdict import Finding, Outcome, Verdict

_AT_ONCE = 3
_PLAN_GONE = Finding(
    Outcome.REBUILD, "state", "the compiled plan that it was written with is gone, so it cannot be mapped"
)


def judge_changes(
    warehouse: Warehouse,
    actual: Actual,
    engine: StreamEngine,
    scratch: Addresses,
    *,
    models: Collection[TableName] | None = None,
    fresh: Collection[TableName] = (),
) -> Mapping[TableName, Judgement]:
    """Compile each changed model and judge it against the plan that its state was written with.

    Models without state, and those that start without theirs, have no verdict.

    Args:
        warehouse: What is declared.
        actual: What is there.
        engine: Compiles, and knows the deployed plans.
        scratch: An empty lake for compiling (Addresses.is_scratch).
        models: Only these; None for all.
        fresh: Models whose job starts without state.

    Raises:
        HeadwaterError: Flink refuses a changed model's SQL.
    """
    chosen = [
        model for model in warehouse.streaming if (models is None or model.name in models) and model.name not in fresh
    ]

    def judgement(model: Model) -> Judgement | None:
        job = compile_job(model, warehouse.model, scratch)
        before = _deployed(model.name, actual)
        if before is None or before.fingerprint == job.fingerprint:
            return None
        running = engine.deployed_plan(before)
        if running is None:
            return Judgement({}, Verdict((_PLAN_GONE,)))
        judged = judge(engine.compile(job), running, keyed=job.keyed)
        deployed = engine.deployed_job(before)
        return with_options(judged, _settings(job), _settings(deployed)) if deployed else judged

    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        found = dict(zip([model.name for model in chosen], pool.map(judgement, chosen), strict=True))
    return {name: judged for name, judged in found.items() if judged is not None}


def _settings(job: JobSpec) -> Settings:
    return Settings(dict(job.properties), job.engine)


def _deployed(name: TableName, actual: Actual) -> ActualJob | RetainedState | None:
    """What the job would go on from: the running job, or the state that one left."""
    running = [job for job in actual.jobs if job.model == name]
    return running[0] if running else actual.states.get(name)
