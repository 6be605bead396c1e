"""The checks of a job, as Dagster has them. What is judged, and how, is in headwater.health."""

import dagster as dg

from assets.naming import job_key
from headwater.health.verdicts import Check, Verdict
from headwater.model import Model


def check_specs(model: Model) -> list[dg.AssetCheckSpec]:
    """The checks of a model's job. Each costs a load of thousands of models time, so there are few."""
    key = job_key(model.name)
    return [dg.AssetCheckSpec(check.value, asset=key) for check in Check]


def severity(verdict: Verdict) -> dg.AssetCheckSeverity:
    """A job that does not run is an error; one that runs with a fault still works, for now."""
    return dg.AssetCheckSeverity.ERROR if verdict.is_error else dg.AssetCheckSeverity.WARN
