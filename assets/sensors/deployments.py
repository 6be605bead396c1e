"""Jobs that someone else made run, as `headwater up` and `headwater apply` do, recorded as if by a run of Dagster's."""

from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
    DEFAULT_DATA_VERSION,
    NULL_EVENT_POINTER,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)

from assets.metadata import present
from assets.naming import job_key, table_key
from headwater.compile.job import fingerprint
from headwater.engines import ActualJob, JobHealth, JobState
from headwater.model import Model, Warehouse

JOB_ID = "flink/job_id"

# A run of Dagster's own records its job when it has become healthy; until then the job is left to it.
_LEFT_TO_ITS_RUN = timedelta(seconds=60)


def settled(job: ActualJob, health: JobHealth, now: datetime) -> bool:
    """The job runs, has completed a checkpoint, and whoever started it has had time to record it."""
    healthy = health.state is JobState.RUNNING and health.checkpoints_completed > 0
    return healthy and now - job.started_at > _LEFT_TO_ITS_RUN


def recorded_job(instance: dg.DagsterInstance, model: Model) -> str | None:
    """The Flink id in the newest materialization of the model's job, or None."""
    event = instance.get_latest_materialization_event(job_key(model.name))
    materialization = event.asset_materialization if event else None
    value = materialization.metadata.get(JOB_ID) if materialization else None
    return str(value.value) if value else None


def deployment(model: Model, warehouse: Warehouse, job: ActualJob, health: JobHealth) -> dg.AssetMaterialization:
    """The materialization of a job that runs.

    A materialization without provenance would hide that a declaration has changed since, so the tags that a run
    would have written are written here. A job of another fingerprint than the declared one gets a code version
    that no declaration has: it shows as out of date.
    """
    as_declared = fingerprint(model, warehouse.model) == job.fingerprint
    tags = {
        DATA_VERSION_TAG: job.fingerprint,
        DATA_VERSION_IS_USER_PROVIDED_TAG: "true",
        CODE_VERSION_TAG: warehouse.versions[model.name] if as_declared else f"job {job.fingerprint}",
    }
    for key in map(table_key, model.reads):
        tags[get_input_data_version_tag(key)] = DEFAULT_DATA_VERSION.value
        tags[get_input_event_pointer_tag(key)] = NULL_EVENT_POINTER
    return dg.AssetMaterialization(
        job_key(model.name),
        description="Found running; it was not started from here.",
        metadata=present(
            {
                JOB_ID: job.id,
                "flink/job_url": dg.MetadataValue.url(job.url),
                "flink/restored_from": health.restored_from,
                "flink/fingerprint": job.fingerprint,
                "flink/started": dg.MetadataValue.timestamp(job.started_at.astimezone(UTC)),
            }
        ),
        tags=tags,
    )
