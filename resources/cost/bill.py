"""The bill of a stack: CPU, state and storage of each asset, read in one sweep."""

import time
from datetime import UTC, datetime, timedelta

from headwater.cost.bill import Bill, Overhead, Usage, ranked
from headwater.cost.share import NOTHING, Pace, paces
from headwater.engines import JobHealth
from headwater.model import Model, TableName
from headwater.stack import Stack
from resources.cost.reportruns import run_paces
from resources.cost.sampling import look
from resources.declarations import warehouse
from resources.deploy import engine
from resources.local.disk import size_of
from resources.local.flink import TASKMANAGER
from resources.local.processes import processes
from resources.paimon.footprint import footprint


def bill(stack: Stack, over: timedelta | None = None) -> Bill:
    """Measure what each asset uses.

    Args:
        stack: Whose assets.
        over: Measure the CPU of jobs for so long. Without it their mean since each came to run is taken.

    Raises HeadwaterError (unreachable) when the JobManager does not answer, InvalidWarehouse when the declarations
    cannot be read.
    """
    declared = warehouse(stack)
    with engine(stack) as flink:
        before = NOTHING
        if over is not None:
            before, _ = look(flink, processes(stack))
            time.sleep(over.total_seconds())
        running = processes(stack)
        now, healths = look(flink, running)
    at = datetime.now(UTC)
    cpu = {**paces(now, before), **run_paces(stack, declared.reports, at)}
    usages = [_usage(stack, model, cpu, healths) for model in (*declared.streaming, *declared.reports)]
    overhead = tuple(
        Overhead(each.name, each.cpu / each.uptime) for each in running if each.name != TASKMANAGER and each.uptime > 0
    )
    return Bill(at, ranked(usages, declared.prices), overhead, declared.prices)


def _usage(stack: Stack, model: Model, cpu: dict[TableName, Pace], healths: dict[TableName, JobHealth]) -> Usage:
    health = healths.get(model.name)
    return Usage(
        model=model.name,
        cpu=cpu.get(model.name),
        state_bytes=health.state_bytes if health else 0,
        kept_bytes=size_of(stack.job_state / str(model.name)),
        table=footprint(stack.lake, model.name),
    )
