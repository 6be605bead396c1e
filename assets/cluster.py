"""The Flink cluster as an asset: what runs on it that no model declares."""

from collections.abc import Iterator

import dagster as dg

from assets.naming import ENGINE
from assets.operation import one_check_operation
from assets.resources import STREAM_ENGINE
from headwater.engines import JobListing
from headwater.health.look import JobWatch
from headwater.health.undeclared import undeclared_jobs
from headwater.model import Warehouse

CLUSTER = dg.AssetKey([ENGINE, "cluster"])
ONLY_DECLARED = "only_declared_jobs"


def cluster_spec() -> dg.AssetSpec:
    """The cluster that all jobs run on."""
    return dg.AssetSpec(
        CLUSTER,
        description="The Flink cluster that the jobs run on. Its check names jobs that run and that no model declares.",
        group_name=ENGINE,
        kinds={ENGINE},
    )


def cluster_check(warehouse: Warehouse) -> dg.AssetChecksDefinition:
    """The check of the cluster, for who wants to know at once; the job-health sensor tells of every change."""

    def evaluate(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        watch: JobWatch = getattr(context.resources, STREAM_ENGINE)
        passed, description = only_declared(warehouse, watch.listing())
        yield dg.AssetCheckResult(
            asset_key=CLUSTER,
            check_name=ONLY_DECLARED,
            passed=passed,
            severity=dg.AssetCheckSeverity.WARN,
            description=description,
        )

    return one_check_operation(
        "flink_cluster",
        evaluate,
        [dg.AssetCheckSpec(ONLY_DECLARED, asset=CLUSTER)],
        resources=(STREAM_ENGINE,),
        description="Looks for jobs that no model declares.",
    )


def only_declared(warehouse: Warehouse, listing: JobListing) -> tuple[bool, str]:
    """Whether the platform runs only declared jobs, and which others there are. Jobs of others are named alone."""
    undeclared = undeclared_jobs(warehouse, listing.alive)
    said = []
    if undeclared:
        names = ", ".join(f"{job.model} ({job.id}, {job.state.value})" for job in undeclared)
        said.append(f"not declared, and left running: {names}. headwater apply --stop-undeclared stops them")
    if listing.foreign:
        names = ", ".join(f"«{job.name}» ({job.id})" for job in listing.foreign)
        said.append(f"on the same cluster, not Headwater's, never touched: {names}")
    return not undeclared, "; ".join(said) or "every job is declared"
