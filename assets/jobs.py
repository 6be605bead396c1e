"""Flink jobs as assets: to materialise one is to make the declared job be running."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from assets.health import check_specs, severity
from assets.metadata import declared_in, present
from assets.naming import ENGINE, RESTART, job_key, owners, table_key
from assets.operation import one_operation
from assets.resources import DEPLOYER, STREAM_ENGINE, Deployed, Deployer
from headwater.compile.job import fingerprint
from headwater.health.look import JobWatch, Look, look_at
from headwater.health.verdicts import judge
from headwater.model import Model, Warehouse
from headwater.problem import HeadwaterError


def jobs_definition(warehouse: Warehouse) -> dg.AssetsDefinition:
    """The jobs of all streaming models, as one op: a run plans and applies the ones that were selected, together."""
    models = {job_key(model.name): model for model in warehouse.streaming}

    def apply(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        selected = [model for key, model in models.items() if key in context.selected_asset_keys]
        checked = {key.asset_key for key in context.selected_asset_check_keys}
        watch: JobWatch = getattr(context.resources, STREAM_ENGINE)
        deployed = _deploy(context, selected) if selected else None
        listing = watch.listing()
        for key, model in models.items():
            if key not in context.selected_asset_keys and key not in checked:
                continue
            look = look_at(model, fingerprint(model, warehouse.model), listing, watch, datetime.now(UTC))
            if deployed and key in context.selected_asset_keys:
                yield _materialised(look, deployed)
            if key in checked:
                yield from _check_results(context, look)

    return one_operation(
        "flink_jobs",
        apply,
        [_spec(model, warehouse.versions[model.name]) for model in models.values()],
        checks=(spec for model in models.values() for spec in check_specs(model)),
        resources=(DEPLOYER, STREAM_ENGINE),
        pool=ENGINE,
        description="Plans and applies the selected jobs, as `headwater apply` does.",
    )


def _spec(model: Model, version: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        job_key(model.name),
        deps=[table_key(name) for name in model.reads],
        description=f"The Flink job that keeps {model.name} up to date. Materialise it to make it run as declared.",
        group_name=model.name.layer.value,
        kinds={ENGINE},
        owners=owners(model),
        code_version=version,
        metadata={"headwater/declared_in": declared_in(model)},
    )


def _deploy(context: dg.AssetExecutionContext, models: list[Model]) -> Deployed:
    deployer: Deployer = getattr(context.resources, DEPLOYER)
    try:
        return deployer([model.name for model in models], context.log.info, as_it_was=RESTART in context.run.tags)
    except HeadwaterError as error:
        # The text says what failed, what is left and what to run next; a trace would hide it.
        raise dg.Failure(description=str(error)) from error


def _materialised(look: Look, deployed: Deployed) -> dg.MaterializeResult[Any]:
    model, job, health = look.model, look.job, look.health
    if job is None or health is None:
        raise dg.Failure(
            description=f"The plan was carried out, but Flink has no job of {model.name}\n  next:  headwater plan"
        )
    named = re.compile(rf"\b{re.escape(str(model.name))}\b")
    stages = [line for line in deployed.stages if named.search(line)]
    return dg.MaterializeResult(
        asset_key=job_key(model.name),
        metadata=present(
            {
                "flink/job_id": job.id,
                "flink/job_url": dg.MetadataValue.url(job.url),
                "flink/restored_from": health.restored_from,
                "flink/fingerprint": job.fingerprint,
                "headwater/stages": dg.MetadataValue.md("\n".join(f"1. {line}" for line in stages) or "nothing to do"),
            }
        ),
        data_version=dg.DataVersion(job.fingerprint),
    )


def _check_results(context: dg.AssetExecutionContext, look: Look) -> Iterator[dg.AssetCheckResult]:
    for verdict in judge(look):
        key = dg.AssetCheckKey(job_key(look.model.name), verdict.check.value)
        if key in context.selected_asset_check_keys:
            yield dg.AssetCheckResult(
                asset_key=key.asset_key,
                check_name=key.name,
                passed=verdict.passed,
                severity=severity(verdict),
                description=str(verdict),
            )
