"""The health of jobs in Dagster's words: check results, and observations with the cause of a failure."""

from collections.abc import Sequence

import dagster as dg

from assets.cluster import CLUSTER, ONLY_DECLARED
from assets.health import severity
from assets.metadata import present, timestamp
from assets.naming import job_key
from headwater.engines import ActualJob, JobHealth
from headwater.health.load import waiting
from headwater.health.look import Look
from headwater.health.restart import Healing
from headwater.health.verdicts import Verdict, cause

Event = dg.AssetObservation | dg.AssetCheckEvaluation | dg.AssetMaterialization


def signature(look: Look, verdicts: Sequence[Verdict], healing: Healing) -> str:
    """What is news: another job, state, restart count, verdict or attempt, or the first record dropped as late."""
    outcomes = "".join("y" if verdict.passed else "n" for verdict in verdicts)
    job, health = look.job or look.ended, look.health
    found = [outcomes, job.id if job else "", health.state.value if health else "", healing.words]
    if health is not None:
        found += [str(health.restarts), "late" if health.late_dropped else "in time"]
    return " ".join(part for part in found if part)


def job_events(look: Look, verdicts: Sequence[Verdict], healing: Healing, *, is_news: bool = True) -> list[Event]:
    """The verdicts as check results, when they are news; what is known of the job, or done about it, as an observation.

    A result stands until the next: to say it again would only make Dagster's database grow.
    """
    key = job_key(look.model.name)
    events: list[Event] = [
        dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=verdict.check.value,
            passed=verdict.passed,
            severity=severity(verdict),
            description=str(verdict),
        )
        for verdict in (verdicts if is_news else ())
    ]
    job = look.job or look.ended
    if (job is not None and look.health is not None) or healing.words:
        observed = _observed(look, job, look.health, healing)
        events.append(dg.AssetObservation(key, description=healing.words or None, metadata=observed))
    return events


def _observed(
    look: Look, job: ActualJob | None, health: JobHealth | None, healing: Healing
) -> dict[str, dg.MetadataValue]:
    why, records = cause(look), waiting(look)
    observed: dict[str, dg.MetadataValue | None] = {
        "headwater/cause": dg.MetadataValue.text(f"{why.words}. Next: {why.advice}") if why else None,
        "headwater/restart": dg.MetadataValue.text(healing.words) if healing.words else None,
    }
    if job is not None:
        observed |= {
            "flink/job_id": dg.MetadataValue.text(job.id),
            "flink/job_url": dg.MetadataValue.url(job.url),
            "flink/fingerprint": dg.MetadataValue.text(job.fingerprint),
        }
    if health is not None:
        observed |= {
            "flink/state": dg.MetadataValue.text(health.state.value),
            "flink/restarts": dg.MetadataValue.int(health.restarts),
            "flink/checkpoints": dg.MetadataValue.int(health.checkpoints_completed),
            "flink/last_checkpoint": timestamp(health.last_checkpoint_at) if health.last_checkpoint_at else None,
            "flink/state_bytes": dg.MetadataValue.int(health.state_bytes) if health.state_bytes else None,
            "flink/late_dropped": dg.MetadataValue.int(health.late_dropped),
            "flink/waiting": dg.MetadataValue.int(records) if records is not None else None,
            "flink/failure": dg.MetadataValue.text(health.failure) if health.failure else None,
        }
    return present(observed)


def cluster_event(passed: bool, description: str) -> dg.AssetCheckEvaluation:
    """Whether only declared jobs run (assets.cluster.only_declared)."""
    return dg.AssetCheckEvaluation(
        asset_key=CLUSTER,
        check_name=ONLY_DECLARED,
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=description,
    )
