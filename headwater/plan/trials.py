"""Verdicts held against a real restore, before anything is stopped: the changed SQL run from a running job's state."""

from collections.abc import Mapping
from dataclasses import dataclass

from headwater.compile.binding import Addresses
from headwater.compile.job import compile_job
from headwater.engines import JobState, SavepointLost, StreamEngine
from headwater.model import TableName, Warehouse
from headwater.plan.actual import Actual
from headwater.problem import HeadwaterError
from headwater.verdict.judge import Judgement

_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a trial.

    Args:
        seconds: Until the changed job had completed a checkpoint, the savepoint included.
        refusal: Why it did not come that far; "" when it did.
    """

    seconds: float
    refusal: str = ""


def try_changes(
    warehouse: Warehouse,
    actual: Actual,
    engine: StreamEngine,
    addresses: Addresses,
    judgements: Mapping[TableName, Judgement],
) -> Mapping[TableName, Trial]:
    """Try every changed model whose verdict says that its job goes on from its state, one after the other.

    A model whose job does not run has no state to take a savepoint of; one that needs a rebuild would start empty.

    Args:
        warehouse: What is declared.
        actual: What is there.
        engine: Where the trials run, beside the jobs.
        addresses: Of the lake and the broker, for a trial (Addresses.is_trial).
        judgements: On the changed models.
    """
    trials = {}
    for name, judgement in judgements.items():
        running = next((job for job in actual.jobs if job.model == name and job.state is JobState.RUNNING), None)
        if running is None or not judgement.verdict.outcome.keeps_state:
            continue
        job = compile_job(warehouse.model(name), warehouse.model, addresses)
        try:
            trials[name] = Trial(engine.try_out(job, judgement.plan, running, patience=_PATIENCE))
        except SavepointLost:
            continue  # the job fails anyway, so there is no state of it to try
        except HeadwaterError as error:
            if error.unreachable:
                raise
            trials[name] = Trial(0.0, error.failed)
    return trials
